"""The formats by name: the one place that knows them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.formats.delimited import CsvFormat
from crossdock.sdk.formats.dialects import (
    CsvDialect,
    FixedWidthDialect,
    JsonDialect,
    NdjsonDialect,
    XmlDialect,
)
from crossdock.sdk.formats.fixed_width import FixedWidthFormat
from crossdock.sdk.formats.json_text import JsonFormat, NdjsonFormat
from crossdock.sdk.formats.markup import XmlFormat
from crossdock.sdk.formats.records import Format
from crossdock.sdk.formats.x12.dialect import X12Dialect
from crossdock.sdk.formats.x12.interchange_format import X12Format

__all__ = ["FORMATS", "format_named"]

FORMATS: dict[str, tuple[type[BaseModel], Callable[[Any], Format]]] = {
    "csv": (CsvDialect, CsvFormat),
    "fixed_width": (FixedWidthDialect, FixedWidthFormat),
    "json": (JsonDialect, JsonFormat),
    "ndjson": (NdjsonDialect, NdjsonFormat),
    "xml": (XmlDialect, XmlFormat),
    "x12": (X12Dialect, X12Format),
}
"""Dialect model and class of each format."""


def format_named(name: str, dialect: BaseModel | Mapping[str, object] | None = None) -> Format:
    """Make a format from its name and dialect, as they stand in the configuration.

    Raises:
        MisconfiguredError: No such format, or the dialect doesn't fit it; the path says where.
    """
    if name not in FORMATS:
        raise MisconfiguredError(
            f"there is no format {name!r}; there are {', '.join(sorted(FORMATS))}", path="format"
        )
    model, make = FORMATS[name]
    try:
        declared = dialect if isinstance(dialect, model) else model.model_validate(dialect or {})
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(["dialect", *map(str, first["loc"])])
        raise MisconfiguredError(f"{name}: {path}: {first['msg']}", path=path, detail=str(error)) from error
    return make(declared)
