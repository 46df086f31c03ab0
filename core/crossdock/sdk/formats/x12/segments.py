"""The lexical layer of X12: delimiters taken from the ISA itself, and the walk from segment to segment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from crossdock.sdk.errors import Rejection

__all__ = ["ISA_WIDTHS", "Delimiters", "IsaError", "Segment", "binary_end", "read_isa", "segments"]

ISA_WIDTHS = (2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1)
"""Characters of ISA01 to ISA16. Many partners collapse the padding, so these are read as maxima."""

_LENGTH_AT = {b"BIN": 1, b"BDS": 2}
"""Element that holds the byte length of the binary data which is the element after it."""
_SPACE = b" \t\r\n"


class IsaError(ValueError):
    """An ISA from which the delimiters can't be told; ``rejection`` says why."""

    def __init__(self, code: str, message: str, element: int = 0) -> None:
        """Keep the reason; ``element`` is the ISA's element at fault."""
        path = f"segment 1 (ISA), element {element:02}" if element else "segment 1 (ISA)"
        self.rejection = Rejection(code, message, path)
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Delimiters:
    """What separates elements, components and segments; ``component`` is empty where the partner has none."""

    element: bytes = b"*"
    component: bytes = b">"
    segment: bytes = b"~"


class Segment(NamedTuple):
    """One segment: its elements as bytes (the first is the identifier), and where it lies in the data."""

    elements: list[bytes]
    offset: int
    end: int

    @property
    def name(self) -> str:
        """Identifier, such as ``W05``."""
        return self.elements[0].decode("ascii", "replace")


def read_isa(data: bytes) -> tuple[Delimiters, list[bytes], int]:
    """Read an ISA at the beginning of ``data``.

    Returns:
        The delimiters, the 17 parts of the segment, and the offset behind its terminator.

    Raises:
        IsaError: The ISA is cut off or not one, so that the delimiters can't be known.
    """
    separator = data[3:4]
    if (
        not data.startswith(b"ISA")
        or not separator
        or separator.isalnum()
        or separator in (b" ", b"\r", b"\n")
    ):
        raise IsaError("x12.isa", "the interchange doesn't begin with ISA and an element separator")
    parts = data[:200].split(separator, 16)
    for at, (part, width) in enumerate(zip(parts[1:16], ISA_WIDTHS, strict=False), 1):
        if len(part) > width or b"\r" in part or b"\n" in part:
            shown = separator.decode("latin-1")
            message = (
                f"the ISA's element {at:02} is not at most {width} characters with {shown!r} behind them"
            )
            raise IsaError("x12.isa_elements", f"{message}: it is cut off, or separated in two ways", at)
    if len(parts) < 17:
        raise IsaError(
            "x12.isa_elements",
            f"the ISA has {len(parts) - 1} elements, 16 are expected: it is cut off",
            len(parts),
        )
    at = sum(len(part) + 1 for part in parts[:16])
    component = _component(data, at)
    if component.isalnum() or component.isspace():
        shown = component.decode("latin-1")
        raise IsaError("x12.isa_elements", f"ISA16 is {shown!r}, which is no component separator", 16)
    terminator, after = _terminator(data, at + len(component), component)
    if terminator == separator or terminator.isalnum() or terminator == b" " or not terminator:
        shown = terminator.decode("latin-1")
        raise IsaError(
            "x12.isa_terminator", f"ISA16 is followed by {shown!r}, which is no segment terminator", 16
        )
    following = data[after : after + 64].lstrip(_SPACE)
    if following and not re.match(rb"[A-Z][A-Z0-9]{1,2}" + re.escape(separator), following):
        shown = following[:3].decode("latin-1")
        raise IsaError(
            "x12.isa_terminator",
            f"after the ISA stands {shown!r}, no segment: ISA16 or the terminator is wrong",
            16,
        )
    same = component == terminator
    return Delimiters(separator, b"" if same else component, terminator), [*parts[:16], component], after


def _component(data: bytes, at: int) -> bytes:
    first = data[at : at + 1]
    if first < b"\x80":
        return first
    if data[at + 1 : at + 2] >= b"\x80":
        length = 2 if first < b"\xe0" else 3 if first < b"\xf0" else 4
        return data[at : at + length]
    return first


def _terminator(data: bytes, at: int, component: bytes) -> tuple[bytes, int]:
    """The terminator, and the offset behind it (and behind line ends that follow it)."""
    found = data[at : at + 1]
    if found == b"\r" and data[at + 1 : at + 2] == b"\n":
        found, at = b"\n", at + 1
    if found == b"\n":
        # ISA16 left out: what stands in its place is the terminator, as every later line shows.
        line = data[at + 1 : data.find(b"\n", at + 1) if b"\n" in data[at + 1 :] else None].rstrip(b"\r")
        if len(line) > 3 and line.endswith(component):
            found = component
    return found, at + 1


def segments(data: bytes, delimiters: Delimiters, start: int = 0) -> Iterator[Segment]:
    """Walk over the segments from ``start`` on.

    White space between segments is skipped, line ends within one (files wrapped at 80 columns) are taken out,
    and the last terminator may be missing.

    The data element of a binary segment is taken by its length, whatever bytes it holds.
    """
    separator, terminator = delimiters.element, delimiters.segment
    at, size = start, len(data)
    while at < size:
        byte = data[at : at + 1]
        if byte in (b" ", b"\t", b"\r", b"\n"):
            at += 1
            continue
        end = data.find(terminator, at)
        name = data[at : at + 3]
        if name in _LENGTH_AT and data[at + 3 : at + 4] == separator:
            binary = _binary(data, at, separator, _LENGTH_AT[name])
            if binary and data[binary[1] : binary[1] + 1] in (terminator, b""):
                yield Segment(binary[0], at, binary[1] + 1)
                at = binary[1] + len(terminator)
                continue
        if end < 0:
            end = size
        raw = data[at:end].translate(None, b"\r\n")
        yield Segment(raw.split(separator), at, min(end + 1, size))
        at = end + len(terminator)


def _binary(data: bytes, at: int, separator: bytes, length_at: int) -> tuple[list[bytes], int] | None:
    """Elements of a binary segment and the offset of its terminator; None where its length is no number."""
    parts = data[at : at + 64].split(separator, length_at + 1)
    if len(parts) < length_at + 2 or not parts[length_at].isdigit():
        return None
    begin = at + sum(len(part) + 1 for part in parts[:-1])
    end = begin + int(parts[length_at])
    return [*parts[:-1], data[begin:end]], end


def binary_end(data: bytes, at: int, separator: bytes) -> int:
    """Offset of the terminator of the binary segment at ``at``.

    ``at`` itself where its length is no number.
    """
    found = _binary(data, at, separator, _LENGTH_AT[data[at : at + 3]])
    return found[1] if found else at
