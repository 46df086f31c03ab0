"""What a check is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, CursorResult, bindparam, text

from crossdock.config.model import Config
from crossdock.sdk.manifest import Manifest
from crossdock.store.metadata import Instant
from crossdock_schemas.product import NodeKind

__all__ = ["Check", "Finding", "Reporting", "Row", "Situation", "rows_of", "sql"]

Row = Mapping[str, object]

_RECENT = timedelta(days=60)
_STUCK = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Reporting:
    """Who has to be told of what left.

    Attributes:
        confirms: Connections of channels that take ``shipment.confirm``.
        invoices: Connections of ERPs that take ``invoice.post``, each with the channels it wants; empty: all.
        purchases: The same of those that take ``purchase_order.create``.
        suppliers: Nodes of which what they are asked to ship is bought.
    """

    confirms: frozenset[str] = frozenset()
    invoices: tuple[tuple[str, frozenset[str]], ...] = ()
    purchases: tuple[tuple[str, frozenset[str]], ...] = ()
    suppliers: frozenset[str] = frozenset()

    @classmethod
    def of(cls, config: Config, manifests: Mapping[str, Manifest]) -> Reporting:
        """What ``config`` demands; ``manifests`` are those of its connections."""
        able = {name for name, manifest in manifests.items() if "shipment.confirm" in manifest.commands}
        wanting = [(each, (each.connection, frozenset(each.channels))) for each in config.postings]
        invoices = tuple([names for posting, names in wanting if posting.invoice])
        purchases = tuple([names for posting, names in wanting if posting.purchase_order])
        suppliers = frozenset(node.id for node in config.nodes if node.kind is NodeKind.SUPPLIER)
        return cls(frozenset(able), invoices, purchases, suppliers)


@dataclass(frozen=True, slots=True)
class Situation:
    """When the database is examined (aware UTC), and what the configuration demands."""

    now: datetime
    reporting: Reporting = Reporting()

    @property
    def recent(self) -> datetime:
        """Since when commands and messages are surely still there: older ones may have been pruned."""
        return self.now - _RECENT

    @property
    def stuck(self) -> datetime:
        """What has been due since before this is not being worked on."""
        return self.now - _STUCK


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold.

    Attributes:
        name: For programs.
        sentence: What must hold, for people.
        advice: What to do when it does not.
        find: The rows that break it, none in a healthy database.
    """

    name: str
    sentence: str
    advice: str
    find: Callable[[Connection, Situation], Iterable[Row]]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: how many rows break it, and the first of them."""

    name: str
    sentence: str
    advice: str
    count: int
    rows: tuple[Row, ...]

    @property
    def healthy(self) -> bool:
        """Whether it holds."""
        return self.count == 0


def rows_of(result: CursorResult[tuple[object, ...]]) -> Iterator[Row]:
    """Rows with their column names."""
    names = tuple(result.keys())
    for row in result:
        yield dict(zip(names, row, strict=True))


def sql(statement: str) -> Callable[[Connection, Situation], Iterable[Row]]:
    """A check by one statement; it may use ``:now``, ``:recent`` and ``:stuck``."""
    parameters = [
        bindparam(name, type_=Instant()) for name in ("now", "recent", "stuck") if f":{name}" in statement
    ]
    prepared = text(statement).bindparams(*parameters)

    def find(connection: Connection, situation: Situation) -> Iterable[Row]:
        values = {each.key: getattr(situation, each.key) for each in parameters}
        return rows_of(connection.execute(prepared, values))

    return find
