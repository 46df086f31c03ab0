"""File formats: declared dialects, streaming both ways.

Start at ``format_named``; ``Format`` says what each one can do.
"""

from crossdock.sdk.formats.dialects import (
    Column,
    CsvDialect,
    CsvTrailer,
    FixedColumn,
    FixedRecord,
    FixedTrailer,
    FixedWidthDialect,
    JsonDialect,
    NdjsonDialect,
    XmlDialect,
)
from crossdock.sdk.formats.json_text import decode_json, encode_json
from crossdock.sdk.formats.named import FORMATS, format_named
from crossdock.sdk.formats.records import (
    START,
    Document,
    FileVerdict,
    Format,
    Frame,
    Position,
    Record,
    RecordFault,
    Value,
)

__all__ = [
    "FORMATS",
    "START",
    "Column",
    "CsvDialect",
    "CsvTrailer",
    "Document",
    "FileVerdict",
    "FixedColumn",
    "FixedRecord",
    "FixedTrailer",
    "FixedWidthDialect",
    "Format",
    "Frame",
    "JsonDialect",
    "NdjsonDialect",
    "Position",
    "Record",
    "RecordFault",
    "Value",
    "XmlDialect",
    "decode_json",
    "encode_json",
    "format_named",
]
