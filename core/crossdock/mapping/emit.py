"""Writing Python source: indented lines, fresh variable names, and the constants that the code refers to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from crossdock.mapping.paths import Value


@dataclass(frozen=True, slots=True)
class Place:
    """Where generated code works.

    Attributes:
        items: The variables that hold the document and the items around and at this place.
        target: The target path without indexes.
        currency: The variable that holds the declared currency, ``None`` where there is none.
        position: The variable that holds the item's number.
    """

    items: tuple[str, ...] = ("document",)
    target: str = ""
    currency: str = "None"
    position: str = "0"

    @property
    def item(self) -> str:
        """The variable that holds the current item."""
        return self.items[-1]

    def field(self, name: str) -> str:
        """Give the target path of a field of this target."""
        return f"{self.target}.{name}" if self.target else name


@dataclass(slots=True)
class Emitter:
    """A function's body that grows; ``names`` are the globals it needs."""

    names: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    _depth: int = 1
    _count: int = 0

    def line(self, text: str) -> None:
        """Add one line."""
        self.lines.append("    " * self._depth + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Add ``head`` and indent what is added inside."""
        self.line(head)
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def new(self, prefix: str = "v") -> str:
        """Give a variable name not used before."""
        self._count += 1
        return f"{prefix}{self._count}"

    def let(self, expression: str) -> str:
        """Assign ``expression`` to a new variable."""
        name = self.new()
        self.line(f"{name} = {expression}")
        return name

    def constant(self, value: Value) -> str:
        """Give an expression for a constant: a literal where that is safe and exact, else a global."""
        if value is None or value.__class__ in (str, int, bool):
            return repr(value)
        name = self.new("CONST_")
        self.names[name] = value
        return name

    def give_up(self) -> None:
        """Leave the document to the interpreter."""
        self.line("raise Fallback")
