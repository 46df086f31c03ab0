"""Walks over XML with expat and finds the records in it by byte offset."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

from crossdock.sdk.formats.dialects import XmlDialect
from crossdock.sdk.formats.wide_text import WideText, units

__all__ = ["TAG", "FoundRecord", "Places", "RefusedError", "Walker"]

TAG = re.compile(rb"<[^<>\"']*(?:\"[^\"]*\"[^<>\"']*|'[^']*'[^<>\"']*)*>")
"""A start or end tag; quoted values may hold angle brackets."""


class RefusedError(ValueError):
    """Something that this format doesn't take, such as a document type."""


@dataclass(slots=True)
class FoundRecord:
    """A record that expat has seen the end of; offsets in the stream that it was fed."""

    start: int
    end: int
    line: int
    last_line: int
    context: bytes


@dataclass(slots=True)
class Walker:
    """Expat's handlers: keeps the open start tags, and the record that is being read."""

    dialect: XmlDialect
    prefix: bytes = b""
    buffer: bytes = b""
    base: int = 0
    tags: list[bytes] = field(default_factory=list)
    begun: tuple[int, int, int] | None = None
    found: list[FoundRecord] = field(default_factory=list)
    wide: WideText | None = None
    parser: expat.XMLParserType = field(init=False)

    def __post_init__(self) -> None:
        """Listen to expat; what was UTF-16 is UTF-8 by now, whatever its declaration says."""
        parser = self.parser = expat.ParserCreate("utf-8" if self.wide else None)
        self.prefix = self.wide.prefix if self.wide else b""
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.StartDoctypeDeclHandler = self.doctype
        parser.XmlDeclHandler = self.declaration

    def feed(self, block: bytes, *, ended: bool = False) -> None:
        """Walk over the next block.

        Raises:
            RefusedError: It holds what this format doesn't take.
            ExpatError: It isn't well-formed.
        """
        self.buffer += block
        self.parser.Parse(block, ended)

    def declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        """Keep the encoding, which every record is read in."""
        if self.wide is None:
            self.prefix = f"<?xml version='{version}' encoding='{encoding}'?>".encode() if encoding else b""

    def doctype(self, *_: object) -> None:
        """Refuse it."""
        raise RefusedError("a document type (DOCTYPE) is refused: it can declare entities")

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        """Keep the tag; a record may begin."""
        at = self.parser.CurrentByteIndex
        tag = TAG.match(self.buffer, at - self.base)
        self.tags.append(tag[0] if tag else b"")
        if len(self.tags) > self.dialect.max_depth:
            raise RefusedError(f"nested deeper than {self.dialect.max_depth}")
        if self.begun is None and self._is_record(name):
            self.begun = (at, self.parser.CurrentLineNumber, len(self.tags))

    def _is_record(self, name: str) -> bool:
        return name.rpartition(":")[2] == self.dialect.record if self.dialect.record else len(self.tags) == 1

    def end(self, _name: str) -> None:
        """Let go of the tag; a record may end."""
        at = self.parser.CurrentByteIndex
        if self.begun and len(self.tags) == self.begun[2]:
            tag = TAG.match(self.buffer, at - self.base)
            stop = at + (len(tag[0]) if tag else 0)
            context = self.prefix + b"".join(self.tags[:-1])
            line = self.parser.CurrentLineNumber + (tag[0].count(b"\n") if tag else 0)
            self.found.append(FoundRecord(self.begun[0], stop, self.begun[1], line, context))
            self.begun = None
        self.tags.pop()


class Places:
    """Translates offsets in what a walker was fed to offsets in the file."""

    def __init__(self, walker: Walker, start: int, opening_bytes: int) -> None:
        """Begin at the offset ``start`` of the file, the walker having been fed ``opening_bytes`` of context."""
        self._walker = walker
        self._fed = opening_bytes
        self._file = start + (walker.wide.mark_bytes if walker.wide else 0)

    def of(self, fed: int) -> int:
        """The place in the file; not before what was passed by."""
        if self._walker.wide is None:
            return self._file + fed - self._fed
        base = self._walker.base
        return self._file + 2 * units(self._walker.buffer[self._fed - base : fed - base])

    def pass_by(self, fed: int) -> None:
        """Nobody will ask for what is before ``fed``."""
        if fed > self._fed:
            self._file, self._fed = self.of(fed), fed
