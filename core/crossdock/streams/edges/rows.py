"""Files of rows: many rows become one document, and a faulty row is given up alone."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from crossdock.mapping.compiled import CompiledMapping
from crossdock.sdk.errors import RecordRejectedError, Rejection
from crossdock.sdk.formats.records import Record, RecordFault
from crossdock.sdk.manifest import Entity
from crossdock.streams.edges.canonical import CanonicalDocument, canonical_documents
from crossdock.streams.edges.reading import Item, Job

__all__ = ["LINES_PER_DOCUMENT", "GivenUp", "row_documents"]

LINES_PER_DOCUMENT = 2_000
"""A frame with more rows becomes several parts: what books one holds the database for a moment only."""

GivenUp = Callable[[RecordRejectedError, Sequence[Item]], None]
"""Takes the rows that belong to a refusal; of none, all of the part."""
_GivenUpRows = Callable[[RecordRejectedError, Sequence[Record]], None]

_ROW = re.compile(r"\$\.rows\[(\d+)\]")
_LINE = re.compile(r"\$\.lines\[(\d+)\]")


def row_documents(job: Job, give_up: GivenUp, omitted: dict[str, int]) -> Iterator[CanonicalDocument]:
    """The documents of a part, in order; rows that can't be among them are given up, and what the mapping leaves out is
    added to ``omitted``.

    Rows of a stock feed stand for themselves. Of other files the rows of one document belong together: a faulty one
    takes its document with it, and a row that can't be read at all the whole file, since nobody knows whose it is.
    """
    rows = job.rows()
    good = [record for record in rows.records if not isinstance(record.value, RecordFault)]
    if len(good) < len(rows.records):
        for record in rows.records:
            fault = record.value
            if isinstance(fault, RecordFault):
                error = RecordRejectedError((fault.rejection, *fault.others))
                give_up(error, [rows.item(record)] if job.stream.cut else [])
                if not job.stream.cut:
                    return

    def give_rows_up(error: RecordRejectedError, records: Sequence[Record]) -> None:
        give_up(error, [rows.item(record) for record in records])

    documents = _feed if job.stream.spec.emits is Entity.STOCK_FEED else _groups
    count = job.part.parts
    size = max(1, -(-len(good) // count))
    for index in range(count):
        hub = job.hub() | {
            "part": job.part.part + index,
            "last": job.part.last and index == count - 1,
            "first_line": good[index * size].line if index * size < len(good) else job.part.line,
        }
        yield from documents(job, hub, good[index * size : (index + 1) * size], give_rows_up, omitted)


def _value(hub: dict[str, Any], rows: Iterable[Record]) -> dict[str, Any]:
    return {"rows": [row.value for row in rows], "_hub": hub}


def _feed(
    job: Job, hub: dict[str, Any], rows: Sequence[Record], give_up: _GivenUpRows, omitted: dict[str, int]
) -> Iterator[CanonicalDocument]:
    while True:
        try:
            found: dict[str, int] = {}
            documents = canonical_documents(
                job.stream.mapping, job.stream.spec.emits, _value(hub, rows), found
            )
        except RecordRejectedError as error:
            faulty = _faulty_rows(error, job, hub, rows)
            if faulty is None:
                give_up(error, [])
                return
            if len(faulty) == len(rows) > 1 and len({each.code for each in error.rejections}) == 1:
                give_up(_none_is_good(rows, error.rejections[0]), [])
                return
            for index, rejections in faulty.items():
                give_up(RecordRejectedError(tuple(rejections)), [rows[index]])
            rows = [row for index, row in enumerate(rows) if index not in faulty]
        else:
            omitted.update({path: omitted.get(path, 0) + count for path, count in found.items()})
            yield from documents
            return


def _none_is_good(rows: Sequence[Record], first: Rejection) -> RecordRejectedError:
    """All rows have the same fault: it is not theirs, but that of the header, the delimiter, or the mapping."""
    row = rows[0].value
    columns = ", ".join(map(repr, row)) if isinstance(row, dict) else "none"
    said = (
        f"none of {len(rows)} rows can be used, so none was: {first.message}. The columns found are {columns}: "
        "compare them with the mapping, and with delimiter and header of the stream's dialect"
    )
    return RecordRejectedError(
        dataclasses.replace(first, message=said, path=f"line {rows[0].line}: {first.path}")
    )


def _faulty_rows(
    error: RecordRejectedError, job: Job, hub: dict[str, Any], rows: Sequence[Record]
) -> dict[int, list[Rejection]] | None:
    """The faults by row; ``None`` where one is not a row's."""
    found: dict[int, list[Rejection]] = {}
    lines: Sequence[int] | None = None
    for rejection in error.rejections:
        if match := _ROW.match(rejection.path):
            index = int(match[1])
        elif match := _LINE.match(rejection.path):
            lines = lines or _rows_of_lines(job, hub, rows)
            index = lines[int(match[1])]
        else:
            return None
        found.setdefault(index, []).append(rejection)
    return found


def _rows_of_lines(job: Job, hub: dict[str, Any], rows: Sequence[Record]) -> Sequence[int]:
    """Which row each line of the document came from; a mapping may leave rows out."""
    mapping = job.stream.mapping
    assert mapping is not None
    if not mapping.map(_value(hub, rows)).omitted:
        return range(len(rows))
    return [
        index
        for index, row in enumerate(rows)
        for _ in mapping.map(_value(hub, [row])).document.get("lines", ())
    ]


def _groups(
    job: Job, hub: dict[str, Any], rows: Sequence[Record], give_up: _GivenUpRows, omitted: dict[str, int]
) -> Iterator[CanonicalDocument]:
    keys = _group_keys(job.stream.mapping)
    while rows:
        try:
            found: dict[str, int] = {}
            documents = canonical_documents(
                job.stream.mapping, job.stream.spec.emits, _value(hub, rows), found
            )
        except RecordRejectedError as error:
            faulty = _faulty_groups(error, rows, keys)
            if not faulty:
                give_up(error, [])
                return
            for key, rejections in faulty.items():
                mates = [row for row in rows if _key(row, keys) == key]
                give_up(RecordRejectedError(tuple(rejections)), mates)
            rows = [row for row in rows if _key(row, keys) not in faulty]
        else:
            omitted.update({path: omitted.get(path, 0) + count for path, count in found.items()})
            yield from documents
            return


def _group_keys(mapping: CompiledMapping | None) -> tuple[str, ...]:
    """The columns by which the mapping makes documents of rows; none where it does it otherwise."""
    items = getattr(mapping.program.body.source, "items", None) if mapping else None
    if items is None or items.where is not None:
        return ()
    keys = tuple(each.path.text for each in items.group_by)
    return keys if all(key.isidentifier() for key in keys) else ()


def _key(record: Record, keys: tuple[str, ...]) -> tuple[str, ...]:
    row = record.value
    return tuple(str(row.get(key)) for key in keys) if isinstance(row, dict) else ()


def _faulty_groups(
    error: RecordRejectedError, rows: Sequence[Record], keys: tuple[str, ...]
) -> dict[tuple[str, ...], list[Rejection]]:
    """The faults by the group of rows they are in; empty where one can't be told."""
    found: dict[tuple[str, ...], list[Rejection]] = {}
    groups = list(dict.fromkeys(_key(row, keys) for row in rows))
    for rejection in error.rejections if keys else ():
        if match := _ROW.match(rejection.path):
            key = _key(rows[int(match[1])], keys)
        elif rejection.target.isdigit() and int(rejection.target) < len(groups):
            key = groups[int(rejection.target)]
        else:
            return {}
        found.setdefault(key, []).append(rejection)
    return found
