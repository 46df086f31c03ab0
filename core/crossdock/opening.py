"""From the configuration to what the command line works on: its database, its connectors' manifests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from crossdock.config.load import resolve_secrets
from crossdock.config.model import Config
from crossdock.errors import MisconfiguredError
from crossdock.sdk.manifest import Manifest
from crossdock.sdk.registry import Registry
from crossdock.store.engine import Database, open_database
from crossdock.store.migrations import current_revision, newest_revision
from crossdock.store.retention import Retention

__all__ = ["database_url", "manifests_of", "open_existing", "retention_of"]

_INBOX_DAYS = 45
"""How long it is remembered which messages were handled: longer than a partner repeats itself."""


def database_url(config: Config) -> str:
    """Where the hub's database is: as configured, or the SQLite file in the data folder.

    Raises:
        MisconfiguredError: A secret inside the URL can't be read.
    """
    if not config.hub.database:
        return f"sqlite:///{config.hub.data_dir / 'crossdock.sqlite'}"
    return str(resolve_secrets(config.hub.database, "hub.database"))


def open_existing(config: Config) -> Database:
    """Open the database of a hub that has run before.

    Raises:
        MisconfiguredError: There is none yet, or its schema is not that of this program.
    """
    file = config.hub.data_dir / "crossdock.sqlite"
    if not config.hub.database and not file.exists():
        raise MisconfiguredError(
            f"{file}: there is no database yet; `crossdock run` makes it", path="hub.data_dir"
        )
    database = open_database(database_url(config))
    try:
        found, wanted = current_revision(database.engine), newest_revision()
    except BaseException:
        database.close()
        raise
    if found == wanted:
        return database
    database.close()
    raise MisconfiguredError(
        f"the schema of the database is at revision {found or 'none'}, this program needs {wanted}: "
        "`crossdock run` brings it there",
        path="hub.database",
    )


def manifests_of(config: Config, registry: Registry) -> Mapping[str, Manifest]:
    """The manifest of each enabled connection's connector, without what is switched off; connections whose
    connector is broken are left out.
    """
    return {
        name: declared.wanted(registry.plugins[declared.connector].manifest)
        for name, declared in config.connections.items()
        if declared.enabled and declared.connector in registry.plugins
    }


def retention_of(config: Config) -> Retention:
    """How long what is done with is kept; the inbox longer than a message can come again, from a partner or Kafka."""
    kept = config.hub.retention
    on_kafka = [
        config.kafka.retention,
        *(each.retention or timedelta() for each in config.kafka.topics.values()),
    ]
    messages = max(1, kept.messages.days)
    return Retention(
        raw_days=max(1, kept.raw.days),
        message_days=messages,
        inbox_days=max(_INBOX_DAYS, messages, *(topic.days + 1 for topic in on_kafka)),
        dead_letter_days=max(1, kept.dead_letters.days),
        command_days=max(1, kept.commands.days),
        api_request_days=max(1, kept.api_requests.days),
        work_item_days=max(1, kept.work_items.days),
        file_days=max(1, kept.files.days),
        reservation_days=max(1, kept.reservations.days),
        kept_streams=frozenset(
            (name, stream)
            for name, connection in config.connections.items()
            for stream, settings in connection.streams.items()
            if settings.read_files == "keep"
        ),
    )
