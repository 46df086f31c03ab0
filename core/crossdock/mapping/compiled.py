"""A mapping ready to run: generated Python first, and the interpreter where that raises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from crossdock.mapping import operators_of_items as operators_of_items
from crossdock.mapping.faults import MappingError
from crossdock.mapping.generate import FastPath, generate
from crossdock.mapping.interpret import Interpreter
from crossdock.mapping.parse import parse_mapping
from crossdock.mapping.paths import Value
from crossdock.mapping.rules import Program, PureFunction


@dataclass(frozen=True, slots=True)
class MappingResult:
    """What a mapping made of one document.

    Attributes:
        output: The document, or a list where the mapping's root is an ``each`` or a ``list``. It holds dicts, lists,
            str, int, bool, None and ``Decimal``; dates are ISO 8601 texts, instants ISO 8601 texts in UTC with Z.
        omitted: How many items a ``where`` left out, by target path without indexes: ``{"lines": 2}``.
    """

    output: Any
    omitted: dict[str, int]

    @property
    def document(self) -> dict[str, Any]:
        """The one document; raises ``TypeError`` for a mapping that makes a list."""
        if not isinstance(self.output, dict):
            raise TypeError("this mapping makes a list; use 'documents'")
        return self.output

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The documents as a list, whether the mapping makes one or many."""
        return self.output if isinstance(self.output, list) else [self.output]


class CompiledMapping:
    """One version of one mapping; immutable, and safe to use from several threads."""

    def __init__(self, program: Program, fast: FastPath) -> None:
        """Keep the parsed ``program`` and its ``fast`` form."""
        self.program = program
        self._fast = fast

    @property
    def name(self) -> str:
        """The mapping's id, such as ``shopify/order``."""
        return self.program.name

    @property
    def version(self) -> int:
        """The version its file states."""
        return self.program.version

    @property
    def target(self) -> str:
        """The canonical entity it makes, such as ``order/1``, or what its ``to`` says; empty for a template."""
        return self.program.target

    @property
    def generated_source(self) -> str:
        """The Python of the fast path, for whoever wants to read it."""
        return self._fast.text

    def map(self, document: Value) -> MappingResult:
        """Map one decoded ``document``, which is not changed.

        Raises:
            MappingError: With every fault of the document.
        """
        omitted: dict[str, int] = {}
        # Whatever the fast path stumbles over, the interpreter looks at again and names with its place.
        with suppress(Exception):
            return MappingResult(self._fast.run(document, omitted), omitted)
        return self.map_slowly(document)

    def map_fast(self, document: Value) -> MappingResult:
        """Map with the generated Python only, which raises anything on a bad document (for tests and benchmarks)."""
        omitted: dict[str, int] = {}
        return MappingResult(self._fast.run(document, omitted), omitted)

    def map_slowly(self, document: Value) -> MappingResult:
        """Map with the interpreter only; same result, same errors as ``map``."""
        run = Interpreter(self.program)
        output = run.run(document)
        if run.faults:
            raise MappingError(run.faults)
        return MappingResult(output, run.omitted)


class _Programs(Mapping[str, Program]):
    """The programs of compiled mappings, which a library compiles only when they are named."""

    def __init__(self, mappings: Mapping[str, CompiledMapping]) -> None:
        self._mappings = mappings

    def __getitem__(self, name: str) -> Program:
        return self._mappings[name].program

    def __iter__(self) -> Iterator[str]:
        return iter(self._mappings)

    def __len__(self) -> int:
        return len(self._mappings)


def compile_mapping(
    definition: Mapping[str, Value],
    *,
    tables: Mapping[str, Value] | None = None,
    used: Mapping[str, CompiledMapping] | None = None,
    functions: Mapping[str, PureFunction] | None = None,
) -> CompiledMapping:
    """Compile a mapping.

    Args:
        definition: The decoded file; numbers with a fraction are ``Decimal``.
        tables: Look-up tables by name: keys and values, or rows with equal columns, all text.
        used: The compiled mappings that ``use`` names.
        functions: The pure functions that ``call`` names: no I/O, no clock, no change to their arguments.

    Raises:
        MappingDefinitionError: With every mistake in the definition.
    """
    programs = _Programs({} if used is None else used)
    program = parse_mapping(definition, tables=tables or {}, used=programs, functions=functions or {})
    return CompiledMapping(program, generate(program))
