"""All mappings there are: the packaged ones and the integrator's own, which replace packaged ones with the same id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from crossdock.mapping.compiled import CompiledMapping, compile_mapping
from crossdock.mapping.faults import DefinitionProblem, MappingDefinitionError
from crossdock.mapping.files import ResourceReader, packaged_mappings, read_table
from crossdock.mapping.functions import BUILT_IN
from crossdock.mapping.paths import Value
from crossdock.mapping.rules import PureFunction
from crossdock.mapping.schema import schema_problems
from crossdock.mapping.yaml_text import YamlText, read_yaml

TESTS_SUFFIX = ".tests.yaml"


@dataclass(frozen=True, slots=True)
class MappingEntry:
    """One mapping of the library: its id, version, target (``order/1``; empty for a template), and file."""

    name: str
    version: int
    target: str
    path: str
    reader: ResourceReader


class MappingLibrary:
    """Finds, compiles (once) and lists mappings.

    The id of a mapping is its path without ``.yaml``: ``shopify/order`` is in ``shopify/order.yaml``.
    """

    def __init__(
        self, readers: Sequence[ResourceReader], functions: Mapping[str, PureFunction] | None = None
    ) -> None:
        """Look in ``readers``, the last one first; ``call`` may name ``functions`` and the built-in ones."""
        self.readers = tuple(readers)
        self.functions = {**BUILT_IN, **(functions or {})}
        self._compiled: dict[str, CompiledMapping] = {}
        self._opening: list[str] = []

    @classmethod
    def packaged(
        cls, *own: ResourceReader, functions: Mapping[str, PureFunction] | None = None
    ) -> MappingLibrary:
        """Give the packaged mappings, overridden by those of the integrator's ``own`` folders, the last one first."""
        return cls([packaged_mappings(), *own], functions)

    def get(self, name: str) -> CompiledMapping:
        """Compile mapping ``name``, or give what was compiled before.

        Raises:
            MappingDefinitionError: There is no such mapping, or it has mistakes.
        """
        if name not in self._compiled:
            if name in self._opening:
                chain = " -> ".join([*self._opening, name])
                raise MappingDefinitionError(
                    name, [DefinitionProblem("use", f"mappings use each other: {chain}")]
                )
            self._opening.append(name)
            try:
                self._compiled[name] = self._compile(name)
            finally:
                self._opening.pop()
        return self._compiled[name]

    def find(self, name: str) -> ResourceReader | None:
        """Give the reader that holds the file of ``name``, None if there is none."""
        for reader in reversed(self.readers):
            with suppress(FileNotFoundError, NotADirectoryError):
                reader.read_text(f"{name}.yaml")
                return reader
        return None

    def entries(self) -> list[MappingEntry]:
        """List all mappings by id; YAML files that are tables or tests are not mappings."""
        found: dict[str, MappingEntry] = {}
        for reader in self.readers:
            for path in reader.paths():
                if not path.endswith(".yaml") or path.endswith(TESTS_SUFFIX):
                    continue
                value = read_yaml(reader.read_text(path), path).value
                if isinstance(value, dict) and "mapping" in value:
                    name = path.removesuffix(".yaml")
                    found[name] = MappingEntry(
                        name, value.get("version") or 0, value.get("to") or "", path, reader
                    )
        return [found[name] for name in sorted(found)]

    def _compile(self, name: str) -> CompiledMapping:
        reader = self.find(name)
        if reader is None:
            raise MappingDefinitionError(
                name, [DefinitionProblem("(file)", f"there is no file {name}.yaml in any folder")]
            )
        path = f"{name}.yaml"
        text = read_yaml(reader.read_text(path), path)
        problems = schema_problems(text)
        if isinstance(text.value, dict) and text.value.get("mapping") != name:
            message = f"the file is {path}, so this must be {name}, but it is {text.value.get('mapping')}"
            problems.append(DefinitionProblem("mapping", message, text.line_of("mapping")))
        if problems:
            raise MappingDefinitionError(path, problems)
        folder = name.rpartition("/")[0]
        try:
            return compile_mapping(
                text.value,
                tables=_tables(text, reader, folder),
                used=_Used(self, folder),
                functions=self.functions,
            )
        except MappingDefinitionError as error:
            raise MappingDefinitionError(error.name, _with_lines(error, text)) from error


def _with_lines(error: MappingDefinitionError, text: YamlText) -> list[DefinitionProblem]:
    return [p if p.line else replace(p, line=text.line_of(p.path)) for p in error.problems]


def _tables(text: YamlText, reader: ResourceReader, folder: str) -> dict[str, Value]:
    declared = text.value.get("tables") or {}
    prefix = f"{folder}/" if folder else ""
    return {
        name: read_table(reader, prefix + file) for name, file in declared.items() if isinstance(file, str)
    }


class _Used(Mapping[str, CompiledMapping]):
    """What ``use`` may name from a folder: a full id, or a name in the same folder; compiled when asked for."""

    def __init__(self, library: MappingLibrary, folder: str) -> None:
        self._library = library
        self._folder = folder

    def _full(self, name: str) -> str:
        near = f"{self._folder}/{name}" if self._folder else name
        return near if self._library.find(near) is not None else name

    def __getitem__(self, name: str) -> CompiledMapping:
        if self._library.find(full := self._full(name)) is None:
            raise KeyError(name)
        return self._library.get(full)

    def __iter__(self) -> Iterator[str]:
        return iter(entry.name for entry in self._library.entries())

    def __len__(self) -> int:
        return len(self._library.entries())
