"""Reads mapping files, tables and tests from folders and packages: the only I/O of the mapping package."""

from __future__ import annotations

import csv
import io
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Protocol

from crossdock.mapping.faults import DefinitionProblem, MappingDefinitionError
from crossdock.mapping.paths import Value
from crossdock.mapping.yaml_text import read_yaml


class ResourceReader(Protocol):
    """Gives the texts of files under one root; paths are relative, with ``/``."""

    def read_text(self, path: str) -> str:
        """Read a UTF-8 file; raises ``FileNotFoundError``."""
        ...

    def paths(self) -> list[str]:
        """List all files, sorted."""
        ...


class FolderReader:
    """Reads below ``root``: a ``pathlib.Path`` or a package's resources."""

    def __init__(self, root: Traversable) -> None:
        """Keep the ``root``."""
        self.root = root

    def read_text(self, path: str) -> str:
        """Read a UTF-8 file (a byte order mark is dropped); raises ``FileNotFoundError``."""
        parts = path.split("/")
        if ".." in parts or path.startswith("/"):
            raise FileNotFoundError(f"{path} is outside of the mappings")
        return self.root.joinpath(*parts).read_text(encoding="utf-8-sig")

    def paths(self) -> list[str]:
        """List all files, sorted."""
        found: list[str] = []
        pending = [("", self.root)]
        while pending:
            prefix, folder = pending.pop()
            for entry in folder.iterdir():
                if entry.is_dir():
                    if not entry.name.startswith((".", "__")):
                        pending.append((f"{prefix}{entry.name}/", entry))
                else:
                    found.append(prefix + entry.name)
        return sorted(found)


def packaged_mappings() -> FolderReader:
    """Read the mappings that come with Crossdock."""
    return FolderReader(files("crossdock_mappings"))


def read_table(reader: ResourceReader, path: str) -> Value:
    """Read a look-up table: CSV with a header line gives rows of texts, YAML gives keys and values.

    Raises:
        MappingDefinitionError: The file is not there, or is not a table.
    """
    try:
        text = reader.read_text(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MappingDefinitionError(
            path, [DefinitionProblem("(file)", "there is no such table file")]
        ) from error
    if path.endswith((".yaml", ".yml")):
        value = read_yaml(text, path).value
        if not isinstance(value, dict | list):
            raise MappingDefinitionError(path, [DefinitionProblem("(file)", "a table is keys and values")])
        return value
    rows = csv.reader(io.StringIO(text), strict=True)
    header = next(rows, [])
    table: list[dict[str, str]] = []
    for row in rows:
        if not row:
            continue
        if len(row) != len(header):
            message = f"{len(row)} cells, but the header has {len(header)}"
            raise MappingDefinitionError(path, [DefinitionProblem("(row)", message, rows.line_num)])
        table.append(dict(zip(header, row, strict=True)))
    return table
