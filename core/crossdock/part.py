"""Which part of a hub a process is: all of it, what partners call, or a worker."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from crossdock.config.model import Config
from crossdock.errors import MisconfiguredError

__all__ = ["EVERYTHING", "Part", "check_runtime", "everything", "server", "worker"]


@dataclass(frozen=True, slots=True)
class Part:
    """One process.

    Attributes:
        name: In leases and `crossdock status`; no other process of the hub has the same at the same time.
        serves: Webhooks and the API.
        works: Processors, timers, pollers, deliverers.
        processors: Only these; all without.
        instance: The name, where it is the same after a restart.
    """

    name: str
    serves: bool = True
    works: bool = True
    processors: frozenset[str] | None = None
    instance: str | None = None


EVERYTHING = Part("embedded")
"""An embedded hub is one process: after a crash it finds its own leases again."""


def everything(name: str | None = None) -> Part:
    """All of a hub on Kafka in one process; more workers may stand beside it."""
    return Part(name or _unique("hub"), instance=name)


def server(name: str | None = None) -> Part:
    """Webhooks and the API."""
    return Part(name or _unique("server"), works=False, instance=name)


def worker(name: str | None = None, processors: frozenset[str] | None = None) -> Part:
    """Processors, timers, pollers, deliverers."""
    return Part(name or _unique("worker"), serves=False, processors=processors, instance=name)


def _unique(kind: str) -> str:
    return f"{kind}-{socket.gethostname()}-{os.getpid()}"


def check_runtime(config: Config, dialect: str, part: Part) -> None:
    """See whether ``part`` can run.

    Raises:
        MisconfiguredError: Many processes need PostgreSQL and Kafka; the embedded runtime is one process.
    """
    if config.hub.runtime == "kafka" and dialect != "postgresql":
        raise MisconfiguredError(
            "hub.database: runtime kafka needs a database that all workers share: postgresql://user@host/name",
            path="hub.database",
        )
    if config.hub.runtime == "embedded" and not (part.serves and part.works):
        raise MisconfiguredError(
            "hub.runtime: embedded runs everything in one process: `crossdock run`; "
            "write kafka for workers and servers of their own",
            path="hub.runtime",
        )
