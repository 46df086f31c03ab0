"""Finds the connectors there are: by entry points, and in folders that the operator names.

A broken third-party connector is listed with its error; it never stops the hub.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from pathlib import Path

from packaging.specifiers import SpecifierSet
from pydantic import BaseModel

from crossdock.mapping.files import FolderReader
from crossdock.sdk.connector import Connector
from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.manifest import SDK_VERSION, Manifest
from crossdock.sdk.manifest_file import load_manifest

_Candidate = tuple[str, str, Callable[[], object]]

__all__ = [
    "ENTRY_POINT_GROUP",
    "BrokenConnector",
    "ConnectorPlugin",
    "Registry",
    "discover",
    "mappings_of",
    "plugin",
]

ENTRY_POINT_GROUP = "crossdock.connectors"


@dataclass(frozen=True, slots=True)
class ConnectorPlugin:
    """A connector as its package offers it under the name ``CONNECTOR``."""

    manifest: Manifest
    connector: type[Connector]
    config: type[BaseModel]
    package: str

    @property
    def mappings(self) -> FolderReader | None:
        """The mappings that come with the connector: the folder ``mappings`` beside its manifest, if there is one."""
        return mappings_of(self.package)


def mappings_of(package: str) -> FolderReader | None:
    """The mappings in a connector's ``package``, if it brings any."""
    folder = files(package) / "mappings"
    return FolderReader(folder) if folder.is_dir() else None


@dataclass(frozen=True, slots=True)
class BrokenConnector:
    """A connector that could not be loaded; ``where`` is its entry point or folder."""

    name: str
    where: str
    error: str


def plugin(package: str, connector: type[Connector]) -> ConnectorPlugin:
    """Load ``connector.yaml`` from ``package``; a connector's ``__init__`` says ``CONNECTOR =
    plugin(__name__, Acme)``.

    Raises:
        MisconfiguredError: The manifest is missing or wrong, or the class has no ``Config``.
    """
    config = getattr(connector, "Config", None)
    if not (isinstance(config, type) and issubclass(config, BaseModel)):
        raise MisconfiguredError(
            f"{package}: {connector.__name__} has no configuration; set `Config` to a pydantic model"
        )
    return ConnectorPlugin(load_manifest(files(package) / "connector.yaml"), connector, config, package)


@dataclass(frozen=True, slots=True)
class Registry:
    """All connectors found, by id, and those that are broken."""

    plugins: Mapping[str, ConnectorPlugin]
    broken: tuple[BrokenConnector, ...] = field(default=())

    def get(self, name: str) -> ConnectorPlugin:
        """The connector of that id.

        Raises:
            MisconfiguredError: There is none, or it is broken; the message says which there are, or why.
        """
        if name in self.plugins:
            return self.plugins[name]
        for broken in self.broken:
            if broken.name == name:
                raise MisconfiguredError(
                    f"connector {name!r} ({broken.where}) can't be loaded: {broken.error}"
                )
        known = ", ".join(sorted(self.plugins)) or "none"
        raise MisconfiguredError(f"there is no connector {name!r}; installed are: {known}")


def discover(folders: Iterable[Path] = (), points: Iterable[EntryPoint] | None = None) -> Registry:
    """Find all connectors.

    Args:
        folders: Each holds connectors as subfolders with ``connector.yaml`` and ``__init__.py``.
        points: Entry points to load; by default those installed under ``crossdock.connectors``.
    """
    found: dict[str, ConnectorPlugin] = {}
    broken: list[BrokenConnector] = []
    candidates = [*_by_entry_point(points), *_by_folder(folders)]
    for name, where, load in candidates:
        try:
            candidate = _checked(load(), name, found)
        except Exception as error:  # noqa: BLE001 - foreign code may raise anything while it is imported
            broken.append(BrokenConnector(name, where, _words(error)))
        else:
            found[name] = candidate
    return Registry(found, tuple(broken))


def _by_entry_point(points: Iterable[EntryPoint] | None) -> Iterator[_Candidate]:
    chosen = entry_points(group=ENTRY_POINT_GROUP) if points is None else points
    for point in sorted(chosen, key=lambda point: point.name):
        yield point.name, f"entry point {point.value}", point.load


def _by_folder(folders: Iterable[Path]) -> Iterator[_Candidate]:
    for folder in folders:
        if not folder.is_dir():
            yield folder.name, str(folder), partial(_missing, folder)
            continue
        for manifest in sorted(folder.glob("*/connector.yaml")):
            yield manifest.parent.name, str(manifest.parent), partial(_load_folder, manifest.parent)


def _missing(folder: Path) -> object:
    raise MisconfiguredError(f"{folder}: no such folder; correct the connector path")


def _load_folder(folder: Path) -> object:
    """Import a package that is not on the path, under a name that can't shadow another."""
    name = f"_crossdock_connector_{folder.name}"
    init = folder / "__init__.py"
    spec = importlib.util.spec_from_file_location(name, init, submodule_search_locations=[str(folder)])
    if spec is None or spec.loader is None or not init.is_file():
        raise MisconfiguredError(f"{folder}: has no __init__.py; add one that sets CONNECTOR")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return getattr(module, "CONNECTOR", None)


def _checked(candidate: object, name: str, found: Mapping[str, ConnectorPlugin]) -> ConnectorPlugin:
    if not isinstance(candidate, ConnectorPlugin):
        raise MisconfiguredError(
            "CONNECTOR is not a ConnectorPlugin; set CONNECTOR = plugin(__name__, YourClass)"
        )
    manifest = candidate.manifest
    if manifest.id != name:
        raise MisconfiguredError(
            f"its manifest says id: {manifest.id}, but it is installed as {name}; make them equal"
        )
    if SDK_VERSION not in SpecifierSet(manifest.sdk):
        raise MisconfiguredError(
            f"made for SDK {manifest.sdk}, this is {SDK_VERSION}; install another version of it"
        )
    if name in found:
        raise MisconfiguredError(f"{name!r} is already taken by package {found[name].package}")
    return candidate


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, MisconfiguredError) else f"{type(error).__name__}: {error}"
