"""All that a hub and a demo import, the mappings compiled, the places read. Only the server of forks imports this."""

from __future__ import annotations

import uvloop

import crossdock.app
import crossdock.cli.demo
import crossdock.cli.doctor
import crossdock.cli.run
import crossdock.demo.screen
import crossdock.demo.session
import crossdock.doctor
from crossdock.cli import main
from crossdock.config.model import Config
from crossdock.demo.places import cities
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


def _library(config: Config, registry: Registry) -> MappingLibrary:
    return _LIBRARY


crossdock.app.mapping_library = _library
