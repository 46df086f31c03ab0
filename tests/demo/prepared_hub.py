"""All that a hub and a demo import and read once a process. Only the server of forks imports this."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

import crossdock.app
import crossdock.cli.demo
import crossdock.cli.doctor
import crossdock.cli.run
import crossdock.demo.screen
import crossdock.demo.session
import crossdock.doctor
from crossdock.app import Application
from crossdock.cli import main
from crossdock.config.load import load_config
from crossdock.config.model import Config
from crossdock.demo.config_files import write_configuration
from crossdock.demo.partners.all import Addresses
from crossdock.demo.places import cities
from crossdock.demo.world import make_world
from crossdock.geography import load_places
from crossdock.mapping.library import MappingLibrary
from crossdock.sdk.registry import Registry, discover

__all__ = ["main"]

_IMPORTED = (uvloop, crossdock.cli, crossdock.demo, crossdock.doctor)


def _compiled() -> MappingLibrary:
    discover()
    library = MappingLibrary.packaged()
    for entry in library.entries():
        library.get(entry.name)
    return library


_LIBRARY = _compiled()
load_places()
cities()


def _open_one() -> None:
    """A first hub imports, reads and compiles what later ones of the process find there."""
    nowhere = "http://127.0.0.1:9"
    addresses = Addresses(nowhere, nowhere, nowhere, nowhere, "127.0.0.1", 9, f"SHA256:{'A' * 43}")
    with TemporaryDirectory() as folder:
        path = write_configuration(Path(folder), make_world(1, 1, 100), addresses, 9)
        Application.open(load_config(path)).close()


def _library(config: Config, registry: Registry) -> MappingLibrary:
    return _LIBRARY


crossdock.app.mapping_library = _library
_open_one()
