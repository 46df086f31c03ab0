"""Shared steps of the format tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from crossdock.sdk.formats import Document, Format, Record, RecordFault


def read(file_format: Format, content: bytes, chunk: int = 7) -> list[Record]:
    return [
        record for frame in file_format.frames(cut(content, chunk)) for record in file_format.parse(frame)
    ]


def cut(content: bytes, size: int) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def documents(records: Iterable[Record]) -> list[Document]:
    faults = [record for record in records if isinstance(record.value, RecordFault)]
    assert not faults
    return [record.value for record in records if not isinstance(record.value, RecordFault)]


def fault(record: Record) -> RecordFault:
    assert isinstance(record.value, RecordFault)
    return record.value


def codes(records: Iterable[Record]) -> list[str]:
    """The fault's code of each record, or ``ok``."""
    return [
        record.value.rejection.code if isinstance(record.value, RecordFault) else "ok" for record in records
    ]
