"""What can go wrong: with a mapping file, and with a document that is mapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crossdock.mapping.paths import Value

SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class MappingFault:
    """One reason why a document can't be mapped.

    Attributes:
        mapping: Id of the mapping, such as ``shopify/order``.
        version: Its version.
        code: Stable: ``mapping.missing``, ``mapping.type``, ``mapping.shape``, ``mapping.float``, ``mapping.lookup``,
            ``mapping.condition``, ``mapping.currency``, ``mapping.unit``, ``mapping.function``, ``mapping.duplicate``,
            ``mapping.disagree``.
        source_path: Where in the source, with real indexes: ``$.line_items[2].sku``.
        target_path: Where the value would have gone: ``lines[2].sku``.
        value: The offending value, shortened to 60 characters.
        message: What is wrong and what to do.
    """

    mapping: str
    version: int
    code: str
    source_path: str
    target_path: str
    value: str
    message: str

    def __str__(self) -> str:
        """Give the whole story in one line."""
        value = f" (value: {self.value})" if self.value else ""
        return (
            f"{self.mapping} v{self.version}: {self.source_path} -> "
            f"{self.target_path}: {self.message}{value} [{self.code}]"
        )


class MappingError(Exception):
    """A document that can't be mapped, with every fault found in it."""

    def __init__(self, faults: Sequence[MappingFault]) -> None:
        """Keep all ``faults``; the text lists them, one a line."""
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


@dataclass(frozen=True, slots=True)
class DefinitionProblem:
    """One mistake in a mapping file; ``path`` is inside the file, ``line`` (from 1) where known."""

    path: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        """Give place and message in one line."""
        line = f"line {self.line}, " if self.line else ""
        return f"{line}{self.path}: {self.message}"


class MappingDefinitionError(Exception):
    """A mapping file that can't be compiled, with every problem found in it."""

    def __init__(self, name: str, problems: Sequence[DefinitionProblem]) -> None:
        """Keep the ``name`` of the mapping or file and all ``problems``."""
        self.name = name
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{name}: {problem}" for problem in self.problems))


class ValueFault(Exception):
    """A value that an operator can't use; the interpreter adds where it was."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the fault's ``code`` (without ``mapping.``) and ``message``."""
        super().__init__(message)
        self.code = code
        self.message = message


def shorten(value: Value) -> str:
    """Write ``value`` for a person, cut to 60 characters."""
    text = repr(value) if isinstance(value, str | dict | list | bool) or value is None else str(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."
