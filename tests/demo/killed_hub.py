"""``crossdock`` in a process of its own. All it imports, and the mappings it compiles, are there before it is forked:
what a test kills is a hub at work, not one that starts.
"""

from __future__ import annotations

import os
import sys

import uvloop

import crossdock.app
import crossdock.cli.doctor
import crossdock.cli.run
import crossdock.doctor
from crossdock.cli import main
from crossdock.config.model import Config
from crossdock.mapping.library import MappingLibrary
from crossdock.sdk.registry import Registry, discover

__all__ = ["crossdock_command"]

_IMPORTED = (uvloop, crossdock.cli.doctor, crossdock.cli.run, crossdock.doctor)


def _compiled() -> MappingLibrary:
    discover()
    library = MappingLibrary.packaged()
    for entry in library.entries():
        library.get(entry.name)
    return library


_LIBRARY = _compiled()


def _library(config: Config, registry: Registry) -> MappingLibrary:
    return _LIBRARY


crossdock.app.mapping_library = _library


def crossdock_command(arguments: list[str], log: str) -> None:
    """Run the command line; what it prints goes to the end of the file ``log``."""
    printed = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for descriptor in (sys.stdout.fileno(), sys.stderr.fileno()):
        os.dup2(printed, descriptor)
    sys.argv = ["crossdock", *arguments]
    main()
