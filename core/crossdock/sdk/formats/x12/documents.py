"""Transaction sets as documents, both ways, by their maps.

A segment is ``{"01": …, "02": …}`` without its empty elements; one that repeats is a list of these. A loop is
its first segment with the other segments and inner loops beside the elements, so that paths read as
``W06.02`` or ``LX[].W12[].01``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from crossdock.sdk.errors import RecordRejectedError, Rejection
from crossdock.sdk.formats.records import Document, Value
from crossdock.sdk.formats.x12.maps import Loop, TransactionMap
from crossdock.sdk.formats.x12.problems import Problem
from crossdock.sdk.formats.x12.segments import Segment

__all__ = ["ENVELOPE_KEYS", "body_segments", "read_body"]

ENVELOPE_KEYS = frozenset({"set", "control", "version", "interchange", "group"})
"""Keys of a document that are no segments."""


@dataclass(slots=True)
class _Open:
    """A loop that is being read."""

    name: str
    loop: Loop
    into: dict[str, Value]
    position: int


class _Reader:
    def __init__(
        self, transaction: TransactionMap, path: str, component: bytes, encoding: str, *, keep_unknown: bool
    ):
        self.map = transaction
        self.path = path
        self.component = component.decode("utf-8", "replace") if component else ""
        self.encoding = encoding
        self.keep_unknown = keep_unknown
        self.known = transaction.header.names() | transaction.summary.names()
        self.body: Document = {}
        self.stack = [_Open("", transaction.header, self.body, 1)]
        self.problems: list[Problem] = []

    def take(self, segment: Segment, position: int) -> None:
        name = segment.name
        value = self._elements(segment, position)
        if value is None:
            return
        if name not in self.known:
            self._unknown(name, value, position)
            return
        depth = self._home(name)
        if depth is None:
            self._problem("x12.segment_order", f"{name} can't stand here in a {self.map.set}", name, position)
            return
        while len(self.stack) > depth + 1:
            self._close(position)
        self._place(name, value, position)

    def finish(self, position: int) -> None:
        while len(self.stack) > 1:
            self._close(position)
        for part in (self.map.header, self.map.summary):
            self._require(part, "", self.body, position)

    def _home(self, name: str) -> int | None:
        """Depth of the innermost open loop that has a place for the segment."""
        for depth in range(len(self.stack) - 1, -1, -1):
            loop = self.stack[depth].loop
            if name in loop.order:
                return depth
        summary = self.map.summary
        if name in summary.order:
            while len(self.stack) > 1:
                self._close(0)
            self.stack[0] = _Open("", summary, self.body, 0)
            return 0
        return None

    def _place(self, name: str, value: dict[str, Value], position: int) -> None:
        top = self.stack[-1]
        inner = top.loop.loops.get(name)
        single = name in top.loop.single
        if not single:
            repeats = top.into.setdefault(name, [])
            assert isinstance(repeats, list)
            repeats.append(value)
        elif name in top.into:
            self._problem("x12.repeated_segment", f"{name} may stand here once only", name, position)
            return
        else:
            top.into[name] = value
        if inner:
            self.stack.append(_Open(name, inner, value, position))

    def _unknown(self, name: str, value: dict[str, Value], position: int) -> None:
        if not self.keep_unknown:
            message = (
                f"{name} is not in the map of set {self.map.set}: add it there (dialect.maps), "
                "or declare unknown_segments: keep"
            )
            self._problem("x12.unknown_segment", message, name, position)
            return
        repeats = self.stack[-1].into.setdefault(name, [])
        if isinstance(repeats, list):
            repeats.append(value)

    def _close(self, position: int) -> None:
        closed = self.stack.pop()
        self._require(closed.loop, closed.name, closed.into, closed.position or position)

    def _require(self, loop: Loop, name: str, into: Mapping[str, Value], position: int) -> None:
        for required in loop.required:
            if required not in into:
                where = f"the loop {name}" if name else f"set {self.map.set}"
                self._problem("x12.missing_segment", f"{where} needs {required}", required, position)

    def _elements(self, segment: Segment, position: int) -> dict[str, Value] | None:
        found: dict[str, Value] = {}
        name = segment.name
        composites = self.map.composites.get(name, ())
        for at, raw in enumerate(segment.elements[1:], 1):
            if not raw:
                continue
            key = f"{at:02}"
            try:
                text = raw.decode(self.encoding)
            except UnicodeDecodeError:
                message = f"the element is not {self.encoding}: declare the partner's encoding"
                self._problem("x12.element", message, name, position, at, "6")
                return None
            if self.component and key in composites and self.component in text:
                parts = text.split(self.component)
                found[key] = {f"{part_at:02}": part for part_at, part in enumerate(parts, 1) if part}
            else:
                found[key] = text
        return found

    def _problem(
        self, code: str, message: str, name: str, position: int, element: int = 0, element_code: str = ""
    ) -> None:
        place = f"{self.path}, segment {position} ({name})" + (f", element {element:02}" if element else "")
        self.problems.append(Problem(Rejection(code, message, place), name, position, element, element_code))


def read_body(
    inner: Iterable[Segment],
    transaction: TransactionMap,
    *,
    path: str,
    component: bytes,
    encoding: str,
    keep_unknown: bool = False,
) -> tuple[Document, list[Problem]]:
    """Read the segments between ST and SE.

    Returns:
        The document's segments and loops, and what is wrong; the document is only good without problems.
    """
    reader = _Reader(transaction, path, component, encoding, keep_unknown=keep_unknown)
    position = 1
    for position, segment in enumerate(inner, 2):
        reader.take(segment, position)
    reader.finish(position)
    return reader.body, reader.problems


def body_segments(
    document: Document, transaction: TransactionMap, component: str, *, keep_unknown: bool = False
) -> Iterator[list[str]]:
    """Give the segments between ST and SE as elements, the identifier first, in the order of the map.

    Raises:
        RecordRejectedError: Something is not in the map, is missing, repeats, or is no text; all of it at
            once.
    """
    writer = _Writer(transaction, component, keep_unknown=keep_unknown)
    body = {key: value for key, value in document.items() if key not in ENVELOPE_KEYS}
    rows = list(writer.rows(body))
    if writer.rejections:
        raise RecordRejectedError(tuple(writer.rejections))
    yield from rows


class _Writer:
    def __init__(self, transaction: TransactionMap, component: str, *, keep_unknown: bool) -> None:
        self.map = transaction
        self.keep_unknown = keep_unknown
        self.known = transaction.header.names() | transaction.summary.names()
        self.component = component
        self.rejections: list[Rejection] = []

    def rows(self, body: Document) -> Iterator[list[str]]:
        summary = self.map.summary
        last = set(summary.order)
        yield from self._loop(
            self.map.header, {key: value for key, value in body.items() if key not in last}, ""
        )
        yield from self._loop(summary, {key: value for key, value in body.items() if key in last}, "")

    def _loop(self, loop: Loop, value: Mapping[str, Value], path: str) -> Iterator[list[str]]:
        """The other segments of a loop, whose elements are left to the caller."""
        strangers = [key for key in value if key not in loop.order]
        for name in strangers:
            if name in self.known or not self.keep_unknown:
                self._reject(
                    "x12.unknown_segment",
                    f"no place for it in the map of set {self.map.set}",
                    _join(path, name),
                )
        for required in loop.required:
            if required not in value:
                self._reject("x12.missing_segment", "this segment is required", _join(path, required))
        for name in (*loop.order, *strangers):
            if name not in value:
                continue
            inner = loop.loops.get(name)
            single = name in loop.single
            for place, segment in self._each(value[name], _join(path, name), single=single):
                yield [name, *self._elements(name, segment, place)]
                if inner:
                    yield from self._loop(inner, _inside(segment), place)
                elif extra := list(_inside(segment)):
                    self._reject("x12.segment_order", f"no loop: it can't hold {', '.join(extra)}", place)

    def _each(self, value: Value, path: str, *, single: bool) -> Iterator[tuple[str, dict[str, Value]]]:
        values = value if isinstance(value, list) else [value]
        if single and len(values) > 1:
            self._reject("x12.repeated_segment", f"{len(values)} of them, one is allowed", path)
        for at, one in enumerate(values):
            place = f"{path}[{at}]" if isinstance(value, list) else path
            if isinstance(one, dict):
                yield place, one
            else:
                self._reject(
                    "x12.element", f"a segment is an object of elements, this is {type(one).__name__}", place
                )

    def _elements(self, name: str, segment: Mapping[str, Value], path: str) -> list[str]:
        keys = [key for key in segment if _is_element(key)]
        elements = [""] * max((int(key) for key in keys), default=0)
        for key in keys:
            value = segment[key]
            if isinstance(value, dict):
                elements[int(key) - 1] = self._composite(value, f"{path}.{key}")
            else:
                elements[int(key) - 1] = self._text(value, f"{path}.{key}")
        while elements and not elements[-1]:
            elements.pop()
        return elements

    def _composite(self, value: Mapping[str, Value], path: str) -> str:
        if not self.component or not all(_is_element(key) for key in value):
            self._reject("x12.element", "components need two-digit keys and a component separator", path)
            return ""
        parts = [""] * max((int(key) for key in value), default=0)
        for key, part in value.items():
            parts[int(key) - 1] = self._text(part, f"{path}.{key}")
        return self.component.join(parts)

    def _text(self, value: Value, path: str) -> str:
        if value is None:
            return ""
        if isinstance(value, Decimal) and value.is_finite():
            return f"{value:f}"
        if isinstance(value, bool) or not isinstance(value, str | int):
            self._reject(
                "x12.element", f"an element is text or a number, this is {type(value).__name__}", path
            )
            return ""
        return str(value)

    def _reject(self, code: str, message: str, path: str) -> None:
        self.rejections.append(Rejection(code, message, path))


def _is_element(key: str) -> bool:
    return len(key) == 2 and key.isdecimal() and key != "00"


def _inside(segment: Mapping[str, Value]) -> dict[str, Value]:
    return {key: value for key, value in segment.items() if not _is_element(key)}


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
