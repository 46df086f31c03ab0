"""Framing of a JSON array: each element is a frame, found by brackets and strings alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from crossdock.sdk.errors import Rejection
from crossdock.sdk.formats.records import Frame, Position
from crossdock.sdk.formats.rows import KEPT_OF_FAULT, own_mark

__all__ = ["array_frames", "too_long"]

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|["\[\]{},]', re.DOTALL)
_SPACE = b" \t\r\n"


def too_long(what: str, limit: int, path: str) -> Rejection:
    """The fault of a record that exceeds the limit."""
    return Rejection("format.too_long", f"the {what} is longer than {limit} bytes (max_record_bytes)", path)


@dataclass(slots=True)
class _Scanner:
    """The part of the file that is held, and how far it was looked through."""

    source: Iterator[bytes]
    buffer: bytes = b""
    at: int = 0
    depth: int = 0
    dropped: int = 0
    lines_dropped: int = 0
    kept: bytes = field(default=b"")

    def more(self, limit: int) -> bool:
        """Take another block, False at the end; of an element beyond the limit only the beginning is held."""
        if len(self.buffer) > limit:
            self.kept = self.kept or self.buffer[:KEPT_OF_FAULT]
            self.lines_dropped += self.buffer.count(b"\n", 0, self.at)
            self.dropped += self.at
            self.buffer, self.at = self.buffer[self.at :], 0
        block = next(self.source, b"")
        self.buffer += block
        return bool(block)

    def element_end(self, limit: int) -> bytes:
        """Advance to the end of an element; give the comma or bracket that ends it, or nothing."""
        while True:
            for match in _TOKEN.finditer(self.buffer, self.at):
                sign = match[0]
                if sign == b'"':
                    self.at = match.start()
                    break
                self.at = match.end()
                if self.depth == 0 and sign in b",]}":
                    self.at -= 1
                    return sign
                self.depth += (sign in b"[{") - (sign in b"]}")
            else:
                self.at = len(self.buffer)
            if not self.more(limit):
                self.at = len(self.buffer)
                return b""

    def take(self, here: Position, limit: int, *, last: bool) -> Frame:
        """Cut the element off, with the sign that ends it."""
        data, size = self.buffer[: self.at], self.at + (not last)
        lines = self.lines_dropped + self.buffer.count(b"\n", 0, size)
        end = Position(here.offset + self.dropped + size, here.line + lines, here.number + 1)
        path = f"element {here.number}, line {here.line}"
        fault = too_long("element", limit, path) if self.dropped or len(data) > limit else None
        frame = Frame(here, end, self.kept or data[:KEPT_OF_FAULT] if fault else data, fault)
        self.buffer, self.at, self.depth = self.buffer[size:], 0, 0
        self.dropped, self.lines_dropped, self.kept = 0, 0, b""
        return frame


def _broken(here: Position, code: str, message: str, data: bytes) -> Frame:
    end = Position(here.offset + len(data), here.line + data.count(b"\n"), here.number + 1)
    return Frame(
        here, end, data[:KEPT_OF_FAULT], Rejection(code, message, f"element {here.number}, line {here.line}")
    )


def array_frames(source: Iterator[bytes], start: Position, limit: int) -> Iterator[Frame]:
    """Yield one frame an element; an array that isn't closed, or bytes behind it, end in a faulty frame."""
    scanner = _Scanner(source)
    here = start
    if not start.offset:
        while not scanner.buffer.removeprefix(own_mark("utf-8")).lstrip(_SPACE) and scanner.more(limit):
            pass
        body = scanner.buffer.removeprefix(own_mark("utf-8")).lstrip(_SPACE)
        if not body.startswith(b"["):
            yield _broken(
                here,
                "format.layout",
                "the file is no JSON array; declare layout: document if it holds one object",
                body,
            )
            return
        taken = len(scanner.buffer) - len(body) + 1
        here = Position(taken, 1 + scanner.buffer.count(b"\n", 0, taken), 1)
        scanner.buffer = body[1:]
    while True:
        ended_by = scanner.element_end(limit)
        if not ended_by:
            message = "the file ends before its array does: it seems to be half-written; fetch it again"
            yield _broken(here, "format.half_written", message, scanner.buffer)
            return
        frame = scanner.take(here, limit, last=False)
        if frame.fault or frame.data.strip(_SPACE) or ended_by == b"," or frame.start.number > 1:
            yield frame
        here = frame.end
        if ended_by != b",":
            break
    while scanner.more(limit):
        pass
    if scanner.buffer.strip(_SPACE):
        yield _broken(here, "format.layout", "there is something behind the end of the array", scanner.buffer)
