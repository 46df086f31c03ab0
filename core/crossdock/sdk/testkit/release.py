"""What a version of a connector was, as the next one finds it: kept as ``released.json`` beside the manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files

import msgspec
from msgspec import Struct

from crossdock.sdk.connector import Cursor
from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.registry import ConnectorPlugin

__all__ = ["RELEASED", "Release", "incompatible", "released"]

RELEASED = "released.json"


class Release(Struct, frozen=True, forbid_unknown_fields=True):
    """A version of a connector.

    Attributes:
        streams: Role and entity by stream.
        commands: Idempotency by command.
        configuration: Whether each key has to be given.
        cursors: Where each polled stream stood within what the kit's partner had, and at its end.
    """

    connector: str
    version: str
    streams: Mapping[str, str]
    commands: Mapping[str, str]
    configuration: Mapping[str, bool]
    cursors: Mapping[str, Cursor] = {}

    @classmethod
    def of(cls, plugin: ConnectorPlugin, cursors: Mapping[str, Cursor]) -> Release:
        """The version at hand."""
        manifest = plugin.manifest
        fields = plugin.config.model_fields.items()
        return cls(
            connector=manifest.id,
            version=manifest.version,
            streams={name: f"{each.role} {each.emits}" for name, each in manifest.streams.items()},
            commands={name: str(each.idempotency) for name, each in manifest.commands.items()},
            configuration={field.alias or name: field.is_required() for name, field in fields},
            cursors=dict(sorted(cursors.items())),
        )

    def document(self) -> str:
        """The content of the file."""
        return msgspec.json.format(msgspec.json.encode(self, order="sorted"), indent=2).decode() + "\n"


def released(package: str) -> Release | None:
    """The last release of the connector in ``package``; ``None`` where there was none.

    Raises:
        MisconfiguredError: The file is not what ``crossdock connector prove --release`` writes.
    """
    path = files(package) / RELEASED
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Release)
    except msgspec.DecodeError as error:
        raise MisconfiguredError(
            f"{path}: {error}: write it anew with `crossdock connector prove --release`"
        ) from error


def incompatible(before: Release, now: Release) -> Iterator[str]:
    """What a hub that uses the release ``before`` would miss in ``now``, in words."""
    for kind, old, new in (
        ("stream", before.streams, now.streams),
        ("command", before.commands, now.commands),
    ):
        for name, was in old.items():
            if name not in new:
                yield f"{kind} {name} is gone"
            elif new[name] != was:
                yield f"{kind} {name} was {was!r} and is {new[name]!r}"
    for key in before.configuration.keys() - now.configuration.keys():
        yield f"config.{key} is not known any more"
    for key, required in now.configuration.items():
        if required and not before.configuration.get(key, False):
            yield f"config.{key} has to be given now"
