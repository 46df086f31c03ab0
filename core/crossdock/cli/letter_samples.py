"""Dead letters as sample documents: what a changed mapping would do with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossdock.cli.output import opened
from crossdock.cli.samples import Sample, Wording, formatted, of_stream
from crossdock.mapping import CompiledMapping
from crossdock.sdk.errors import Rejection
from crossdock.sdk.formats import Format, format_named
from crossdock.sdk.formats.records import Frame, Position, Record

if TYPE_CHECKING:
    from crossdock.store.dead_letters import StoredDeadLetter
    from crossdock.streams.edges.intake import RawPart

__all__ = ["DEAD_LETTERS", "letter_samples"]

DEAD_LETTERS = "dead-letters"
"""Stands for the dead letters of the hub where files could be named."""

_BATCH = 200


def letter_samples(mapping: CompiledMapping, config: Path) -> Iterator[Sample]:
    """The open dead letters that ``mapping``, in whatever version, has left, as its documents were."""
    from crossdock.store import dead_letters

    wordings: dict[str, Wording] = {}
    after = 0
    with opened(config) as (_, database):
        while found := database.read_now(
            partial(dead_letters.list_letters, stage="normalise", after=after, limit=_BATCH)
        ):
            after = found[-1].id
            for letter in found:
                if (letter.mapping or "").rpartition("@")[0] == mapping.name:
                    yield from _documents(letter, mapping, config, wordings)


def _documents(
    letter: StoredDeadLetter, mapping: CompiledMapping, config: Path, wordings: dict[str, Wording]
) -> Iterator[Sample]:
    import msgspec

    from crossdock.streams.edges.intake import INLINE, PART, RawPart

    name = f"dead letter {letter.id}"
    headers: dict[str, str] = json.loads(letter.original_headers or "{}")
    if INLINE not in headers or letter.original_body is None:
        said = "its bytes are not in the letter (too large, or pruned): replay it instead"
        yield Sample(name, faults=(Rejection("dead_letter.bytes", said),))
        return
    stream = f"{letter.connection}/{headers['stream']}"
    wording = wordings.setdefault(stream, of_stream(stream, config))
    form = format_named(wording.format or "json", wording.dialect)
    part = msgspec.json.decode(headers[PART], type=RawPart)
    records = _records(form, part, letter.original_body)
    yield from formatted(name, form.name, records, mapping, wording, _hub(letter, part, wording))


def _records(form: Format, part: RawPart, data: bytes) -> Iterator[Record]:
    if part.length is None:
        for frame in form.frames([data]):
            yield from form.parse(frame)
        return
    start = Position(part.offset, part.line, part.number, part.context)
    yield from form.parse(Frame(start, Position(part.offset + len(data), part.line, part.number), data))


def _hub(letter: StoredDeadLetter, part: RawPart, wording: Wording) -> dict[str, Any]:
    """As the mapping saw it, as far as the letter knows."""
    modified = part.file_modified_at
    known = {"raw_id": letter.raw_id, "feed_id": letter.raw_id, "received_at": _text(letter.created_at),
             "occurred_at": None, "file_name": part.file_name, "part": part.part, "last": part.last,
             "file_modified_at": _text(modified) if modified else None, "first_line": part.line}  # fmt: skip
    return {**wording.hub, **known}


def _text(instant: Any) -> str:
    return str(instant.isoformat()).replace("+00:00", "Z")
