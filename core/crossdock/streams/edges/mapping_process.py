"""A further process that decodes, maps and validates JSON records, so that it happens on another core.

It reads frames (four bytes of length, MessagePack) from standard input and answers each on standard output; it ends
when its input does, so it never outlives the hub, however that ends. It decides nothing: what it does not answer, or
answers with nothing, the hub does itself and words the error.
"""

from __future__ import annotations

import hashlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import msgspec
from msgspec import Struct

from crossdock.errors import CrossdockError
from crossdock.mapping.compiled import CompiledMapping
from crossdock.mapping.files import FolderReader
from crossdock.mapping.library import MappingLibrary
from crossdock.sdk.manifest import Entity
from crossdock.streams.edges.canonical import canonical_documents
from crossdock.streams.edges.entities import DESTINATIONS, message_id
from crossdock.streams.edges.quick_json import quick_json

__all__ = ["HELLO", "Mapped", "MappedDocument", "Work", "fingerprint", "frame"]

HELLO = b"crossdock maps\n"
"""What it says when it is ready."""
LENGTH_BYTES = 4


class Work(Struct, frozen=True, array_like=True):
    """One JSON record: its bytes, what the mapping sees as ``_hub``, and the mapping with its fingerprint."""

    connection: str
    entity: Entity
    mapping: str
    fingerprint: str
    hub: dict[str, str | int | bool | None]
    data: bytes


class MappedDocument(Struct, frozen=True, array_like=True):
    """A valid canonical document, with the id and key of its message."""

    schema: str
    id: str
    key: str
    body: bytes


class Mapped(Struct, frozen=True, array_like=True):
    """What a record becomes; ``omitted`` is how many items the mapping left out, by path."""

    documents: list[MappedDocument]
    omitted: dict[str, int]


def fingerprint(mapping: CompiledMapping) -> str:
    """Equal for equal mappings: a file that was changed since the hub began is not used."""
    return hashlib.sha256(mapping.generated_source.encode()).hexdigest()[:16]


def frame(data: bytes) -> bytes:
    """``data`` with its length before it."""
    return len(data).to_bytes(LENGTH_BYTES, "big") + data


def _mapped(library: MappingLibrary, work: Work) -> Mapped | None:
    """What ``work`` becomes; None where anything is unusual."""
    try:
        mapping = library.get(work.mapping)
        value = quick_json(work.data)
        if value is None or fingerprint(mapping) != work.fingerprint:
            return None
        omitted: dict[str, int] = {}
        found = canonical_documents(mapping, work.entity, {**value, "_hub": work.hub}, omitted)
    except CrossdockError:
        return None
    destination, name = DESTINATIONS[work.entity], work.connection
    documents = [
        MappedDocument(
            each.schema,
            message_id(work.entity, destination, name, each.model, each.body),
            destination.key(name, each.model),
            each.body,
        )
        for each in found
    ]
    return Mapped(documents, omitted)


def _serve(library: MappingLibrary, source: IO[bytes], target: IO[bytes]) -> None:
    decoder, encoder = msgspec.msgpack.Decoder(list[Work]), msgspec.msgpack.Encoder()
    target.write(HELLO)
    target.flush()
    while length := source.read(LENGTH_BYTES):
        works = decoder.decode(source.read(int.from_bytes(length, "big")))
        answers: list[Any] = [_mapped(library, work) for work in works]
        target.write(frame(encoder.encode(answers)))
        target.flush()


def main(folders: Sequence[str]) -> None:
    """Serve with the packaged mappings and those in ``folders``, until the input ends."""
    # Ctrl-C goes to the whole group; the hub stops us when it has finished.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    library = MappingLibrary.packaged(*(FolderReader(Path(folder)) for folder in folders))
    _serve(library, sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main(sys.argv[1:])
