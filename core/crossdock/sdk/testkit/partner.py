"""What an integrator writes for the conformance kit: a partner that remembers, and one sample for each command."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import httpx

from crossdock.sdk.clock import ManualClock
from crossdock.sdk.connector import RawRequest

__all__ = ["CommandSample", "Partner", "Setting", "StreamSettings"]


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a partner stands: the clock that everybody goes by, and an empty folder for its files."""

    clock: ManualClock
    folder: Path


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """What stands under a connection's ``streams.NAME``: the dialect of its files, defaults that mappings see, and a
    mapping in place of the manifest's.
    """

    dialect: Mapping[str, object] = field(default_factory=dict)
    defaults: Mapping[str, object] = field(default_factory=dict)
    mapping: str | None = None


@dataclass(frozen=True, slots=True)
class CommandSample:
    """A command as the hub gives it.

    Attributes:
        document: The canonical document in its JSON form; the manifest's mapping turns it into the partner's words.
        refused: One that the partner refuses for a reason of content; ``None`` where there is no such thing.
        refs: The partner's own ids that the hub knows, by kind.
        effects: By how much ``Partner.effects`` grows when it is carried out; 0 for a mere question.
        mapping: Of the connection's own choice, in place of the manifest's.
        defaults: What the connection hands to the mapping as ``_hub``.
    """

    document: Mapping[str, object]
    refused: Mapping[str, object] | None = None
    refs: Mapping[str, str] = field(default_factory=dict)
    effects: int = 1
    mapping: str | None = None
    defaults: Mapping[str, object] = field(default_factory=dict)


class Partner(ABC):
    """The partner of a connector: a double that keeps what it is told, or a real server behind ``transport``.

    Each scenario of the kit makes a new one. It behaves as the real partner does when all is well; what goes wrong
    on the way is the kit's part. Write the methods of the roles that the manifest has; the kit says which one it
    misses.
    """

    absent: ClassVar[Mapping[str, str]] = {}
    """Streams and commands that this partner does not have, each with the reason: they are skipped."""
    page_size: ClassVar[int] = 2
    """Records in a page, where the configuration and ``Limits.page_size`` ask for so many."""

    def __init__(self, setting: Setting) -> None:
        """Begin with nothing but what the samples of the commands need."""
        self.clock = setting.clock
        self.folder = setting.folder

    @abstractmethod
    def config(self) -> dict[str, object]:
        """A good configuration, as it stands under the connection's ``config``."""

    def close(self) -> None:  # noqa: B027 - most partners have nothing to end
        """End what ``__init__`` has begun."""

    def transport(self) -> httpx.AsyncBaseTransport:
        """The way to the partner: ``handle``, or httpx's own transport to a server on the loopback."""
        return httpx.MockTransport(self.handle)

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer a request as the partner does."""
        raise self._missing("handle(request)", "for a connector that speaks HTTP")

    def stream(self, name: str) -> StreamSettings:
        """What the connection says about a stream."""
        return StreamSettings()

    def add(self, stream: str, count: int) -> Sequence[str]:
        """Make ``count`` new records (for role drop: files) of a stream that changed at ``clock.now()``.

        Returns:
            Their keys as in ``RawRecord.key``; for files their names.
        """
        raise self._missing("add(stream, count)", "for streams of role poll and drop")

    def call(self, stream: str, body: bytes | None = None) -> RawRequest:
        """A genuine, signed call for a stream of role receive; with ``body`` one of that body, signed as well."""
        raise self._missing("call(stream, body)", "for streams of role receive")

    def command(self, name: str) -> CommandSample:
        """A command that the partner can carry out."""
        raise self._missing("command(name)", "for commands")

    def effects(self) -> int:
        """How many effects commands have had at the partner: labels paid for, documents posted, files put."""
        raise self._missing("effects()", "for commands")

    def _missing(self, method: str, why: str) -> NotImplementedError:
        return NotImplementedError(f"{type(self).__name__}: write {method}; it is needed {why}")
