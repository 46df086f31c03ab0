"""Interchanges from documents: neighbours with the same envelope keys share the envelope."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from crossdock.sdk.errors import RecordRejectedError, Rejection
from crossdock.sdk.formats.records import Document
from crossdock.sdk.formats.x12.dialect import X12Dialect
from crossdock.sdk.formats.x12.documents import body_segments
from crossdock.sdk.formats.x12.envelope_keys import group_elements, interchange_elements

__all__ = ["write_interchanges"]


def write_interchanges(records: Iterable[Document], dialect: X12Dialect) -> Iterator[bytes]:
    """Write transaction sets in their envelopes, with counts and trailers.

    Args:
        records: Documents with ``set``, ``control``, ``interchange`` and ``group``, TA1s without the last; see
            ``Envelope.keys``.
        dialect: Delimiters, encoding and maps.

    Raises:
        RecordRejectedError: Envelope keys are missing, or a set doesn't fit its map; the path names segment
            and element.
    """
    write = _SegmentWriter(dialect)
    for number, (interchange, inside) in enumerate(
        groupby(records, key=lambda record: record.get("interchange")), 1
    ):
        try:
            elements = interchange_elements(
                interchange if isinstance(interchange, dict) else {}, dialect.component
            )
        except ValueError as error:
            raise _rejected("x12.envelope", str(error), f"interchange {number}") from error
        control = elements[12]
        yield write.header(["ISA", *elements])
        groups = 0
        for group, sets in groupby(inside, key=lambda record: record.get("group")):
            if group is None and groups == 0:
                yield from _notes(sets, write)
                continue
            groups += 1
            try:
                header = group_elements(group if isinstance(group, dict) else {})
            except ValueError as error:
                raise _rejected("x12.envelope", str(error), f"interchange {control}") from error
            yield from _group(header, sets, write, dialect)
        yield write.segment(["IEA", str(groups), control], f"interchange {control}")


def _notes(documents: Iterable[Document], write: _SegmentWriter) -> Iterator[bytes]:
    """TA1s, which stand before the first group."""
    for document in documents:
        elements = document.get("TA1")
        if document.get("set") != "TA1" or not isinstance(elements, dict):
            raise _rejected("x12.envelope", "group is missing", f"set {document.get('control')}")
        yield write.segment(["TA1", *(str(elements[at]) for at in sorted(elements))], "segment 2 (TA1)")


def _group(
    header: list[str], sets: Iterable[Document], write: _SegmentWriter, dialect: X12Dialect
) -> Iterator[bytes]:
    path = f"group {header[5]}"
    yield write.segment(["GS", *header], path)
    seen: set[str] = set()
    for document in sets:
        name, control = str(document.get("set", "")), str(document.get("control", ""))
        where = f"{path}, set {control}"
        transaction = dialect.map_of(name)
        if transaction is None:
            raise _rejected(
                "x12.unknown_set", f"there is no map of set {name!r}: add it to dialect.maps", where
            )
        if transaction.group != header[0]:
            message = f"a {name} belongs into a group {transaction.group}, this one is {header[0]}"
            raise _rejected("x12.envelope", message, where)
        if not 4 <= len(control) <= 9 or control in seen:
            raise _rejected(
                "x12.set_control", f"{control!r} must have 4 to 9 characters, and be new in its group", where
            )
        seen.add(control)
        keep = dialect.unknown_segments == "keep"
        body = list(body_segments(document, transaction, dialect.component, keep_unknown=keep))
        rows = [["ST", name, control], *body, ["SE", str(len(body) + 2), control]]
        yield b"".join(
            write.segment(row, f"{where}, segment {at} ({row[0]})") for at, row in enumerate(rows, 1)
        )
    yield write.segment(["GE", str(len(seen)), header[5]], path)


class _SegmentWriter:
    def __init__(self, dialect: X12Dialect) -> None:
        self._encoding = dialect.encoding
        self._element = dialect.element
        self._end = dialect.segment + ("\n" if dialect.line_per_segment and dialect.segment != "\n" else "")
        self._reserved = {dialect.element, dialect.segment, "\n", "\r"}

    def header(self, parts: Sequence[str]) -> bytes:
        """An ISA, whose last element is the component separator itself."""
        self._check(parts[:-1], "ISA")
        return self._encoded(parts, "ISA")

    def segment(self, parts: Sequence[str], path: str) -> bytes:
        self._check(parts, path)
        return self._encoded(parts, path)

    def _check(self, parts: Sequence[str], path: str) -> None:
        for at, part in enumerate(parts):
            if found := self._reserved.intersection(part):
                sign = sorted(found)[0]
                message = f"the text holds {sign!r}, a delimiter of this partner: replace it in the mapping"
                raise _rejected("x12.delimiter", message, f"{path}, element {at:02}", part[:80])

    def _encoded(self, parts: Sequence[str], path: str) -> bytes:
        try:
            return (self._element.join(parts) + self._end).encode(self._encoding)
        except UnicodeEncodeError as error:
            sign = error.object[error.start : error.end]
            raise _rejected(
                "format.encoding", f"{sign!r} does not exist in {self._encoding}", path
            ) from error


def _rejected(code: str, message: str, path: str, value: str = "") -> RecordRejectedError:
    return RecordRejectedError(Rejection(code, message, path, value=value))
