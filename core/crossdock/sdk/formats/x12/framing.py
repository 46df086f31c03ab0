"""Framing of X12: a frame is a whole interchange, because its trailers decide on what stands before them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from crossdock.sdk.errors import Rejection
from crossdock.sdk.formats.records import Frame, Position
from crossdock.sdk.formats.rows import KEPT_OF_FAULT
from crossdock.sdk.formats.x12.segments import Delimiters, IsaError, binary_end, read_isa

__all__ = ["interchange_frames"]

_SPACE = b" \t\r\n\x00\x1a"
_MARK = b"\xef\xbb\xbf"
_NEXT = re.compile(rb"(?<![A-Za-z0-9])ISA[^A-Za-z0-9\s]")
_ISA_BYTES = 106
_ENOUGH = 512
"""Bytes by which an ISA and the beginning of the segment after it are there."""


@dataclass(slots=True)
class _Input:
    """The part of the file that is held."""

    source: Iterator[bytes]
    buffer: bytes = b""
    ended: bool = False

    def more(self) -> bool:
        block = b"" if self.ended else next(self.source, b"")
        self.ended = not block
        self.buffer += block
        return bool(block)


def interchange_frames(source: Iterator[bytes], start: Position, limit: int) -> Iterator[Frame]:
    """Yield one frame an interchange, and one faulty frame for anything else.

    ``context`` carries the control numbers of the interchanges before, so that one sent twice in a file is
    known.
    """
    held, here = _Input(source), start
    while True:
        here = _skip_space(held, here)
        while len(held.buffer) < _ENOUGH and held.more():
            pass
        if not held.buffer:
            return
        frame = _interchange(held, here, limit)
        held.buffer = held.buffer[frame.length :]
        yield frame
        here = frame.end


def _skip_space(held: _Input, here: Position) -> Position:
    while True:
        body = held.buffer.lstrip(_SPACE)
        if here.offset == 0 and body.startswith(_MARK):
            body = body[len(_MARK) :].lstrip(_SPACE)
        skipped = held.buffer[: len(held.buffer) - len(body)]
        here = Position(
            here.offset + len(skipped), here.line + skipped.count(b"\n"), here.number, here.context
        )
        held.buffer = body
        if len(body) >= len(_MARK) or not held.more():
            return here


def _interchange(held: _Input, here: Position, limit: int) -> Frame:
    if not held.buffer.startswith(b"ISA"):
        missing = Rejection(
            "x12.no_interchange",
            f"an interchange (ISA) is expected, found {held.buffer[:20].decode('latin-1')!r}: "
            "the file is no X12, or its envelope was cut off",
            f"line {here.line}, byte {here.offset}",
        )
        return _frame(held, here, _next_interchange(held, 1), missing)
    try:
        delimiters, isa, after = read_isa(held.buffer)
    except IsaError as error:
        end, rejection = _next_interchange(held, 3), error.rejection
        if end < _ISA_BYTES:
            rejection = Rejection(
                "x12.truncated", f"the file ends within an ISA: {rejection.message}", rejection.path
            )
        return _frame(held, here, end, rejection)
    end, refused = _end(held, delimiters, after, isa[13].strip(), limit)
    key = b"*".join(part.strip() for part in (*isa[5:9], isa[13]))
    known = here.context.split(b"\n") if here.context else []
    control = isa[13].decode("latin-1").strip()
    if refused is None and key in known:
        refused = Rejection(
            "x12.duplicate_interchange",
            f"the file has the interchange {control} of this sender twice: the second was left out",
            f"interchange {control}, line {here.line}",
        )
    sets = len(
        re.findall(
            re.escape(delimiters.segment) + rb"\s*(?:ST|TA1)" + re.escape(delimiters.element),
            held.buffer[:end],
        )
    )
    context = b"\n".join([*known, key]) if key not in known else here.context
    return _frame(held, here, end, refused, sets, context)


def _frame(
    held: _Input, here: Position, size: int, rejection: Rejection | None, sets: int = 1, context: bytes = b""
) -> Frame:
    data = held.buffer[:size]
    lines, number = here.line + data.count(b"\n"), here.number + max(sets, 1)
    end = Position(here.offset + size, lines, number, context or here.context)
    return Frame(here, end, data[:KEPT_OF_FAULT] if rejection else data, rejection)


def _next_interchange(held: _Input, start: int) -> int:
    """Offset of the next ISA, or of the end of the file."""
    while True:
        found = _NEXT.search(held.buffer, start)
        if found:
            return found.start()
        start = max(start, len(held.buffer) - 8)
        if not held.more():
            return len(held.buffer)


def _end(
    held: _Input, delimiters: Delimiters, at: int, control: bytes, limit: int
) -> tuple[int, Rejection | None]:
    """Offset behind the interchange, and why it can't be taken."""
    terminator, separator = re.escape(delimiters.segment), re.escape(delimiters.element)
    pattern = re.compile(rb"(?:" + terminator + rb")[ \t\r\n]*(IEA|ISA|BIN|BDS)" + separator)
    at -= 1
    while True:
        found = pattern.search(held.buffer, at)
        if found is None:
            at = max(at, len(held.buffer) - 16)
        elif found[1] == b"ISA":
            return found.start(1), None
        elif found[1] == b"IEA":
            end = held.buffer.find(delimiters.segment, found.end())
            if end >= 0:
                return end + 1, None
            if held.ended and held.buffer[found.end() :].rstrip().endswith(control):
                return len(held.buffer), None
            at = found.start()
        else:
            end = binary_end(held.buffer, found.start(1), delimiters.element)
            if end <= len(held.buffer):
                at = max(end, found.end())
                continue
        if len(held.buffer) > limit:
            message = f"the interchange is larger than {limit} bytes (max_interchange_bytes)"
            return _next_interchange(held, 3), Rejection("x12.too_large", message, "segment 1 (ISA)")
        if not held.more():
            message = "the file ends before its interchange does (no IEA): it is half-written, fetch it again"
            return len(held.buffer), Rejection("x12.truncated", message, "the end of the file")
