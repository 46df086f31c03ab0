"""The demo on Kafka and PostgreSQL: whatever is there, with topics of the demo's own."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, inspect, select

from crossdock.config.model import Config
from crossdock.errors import MisconfiguredError
from crossdock.store.plumbing import messages
from crossdock.streams.kafka.settings import kafka_settings
from crossdock.streams.kafka.topics import open_topics

__all__ = ["OnKafka", "make_topics", "refuse_used", "remove_topics"]


@dataclass(frozen=True, slots=True)
class OnKafka:
    """Where the servers are.

    Attributes:
        database: The URL of an empty PostgreSQL database.
        bootstrap: Addresses of Kafka's brokers.
        prefix: Begins the names of the demo's topics and groups.
        partitions: Of each topic. With one, orders that want the same last units are decided in the order in which
            they came, as on one machine; with more, another order of the same second may come first.
    """

    database: str
    bootstrap: str
    prefix: str = field(default_factory=lambda: f"crossdock-demo-{secrets.token_hex(4)}.")
    partitions: int = 1

    def configuration(self) -> dict[str, object]:
        """The part ``kafka`` of the configuration."""
        return {"bootstrap": self.bootstrap, "prefix": self.prefix, "partitions": self.partitions}


def refuse_used(database: Connection) -> None:
    """See that the database is empty.

    Raises:
        MisconfiguredError: An earlier hub has used it.
    """
    begun = inspect(database).has_table(messages.name)
    if begun and database.execute(select(func.count()).select_from(messages)).scalar_one():
        raise MisconfiguredError(
            "the demo needs a database of its own, and this one has been used: createdb …"
        )


async def make_topics(config: Config) -> None:
    """Make the demo's topics."""
    async with open_topics(kafka_settings(config)) as topics:
        await topics.apply(await topics.changes())


async def remove_topics(config: Config) -> None:
    """Take them away again."""
    async with open_topics(kafka_settings(config)) as topics:
        await topics.remove()
