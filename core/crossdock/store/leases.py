"""Named leases: work that one worker of many may do, and tokens that one of many may refresh."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from crossdock.store.engine import Database
from crossdock.store.plumbing import leases, tokens

__all__ = [
    "Lease",
    "SqlTokenStore",
    "list_leases",
    "release",
    "ring",
    "rung",
    "seize",
    "take",
    "wait_for_turn",
]

_BELL = "bell:"

_COUNTED = {"preserve_rowcount": True}
"""An INSERT's row count is not kept otherwise."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who may do what until when; it may be over."""

    name: str
    owner: str
    until: datetime


def list_leases(connection: Connection) -> list[Lease]:
    """All leases by name, without those of tokens, which come and go with requests."""
    held = select(leases.c.name, leases.c.owner, leases.c.until).where(
        leases.c.owner != _BELL, ~leases.c.name.startswith("token:", autoescape=True)
    )
    return [Lease(*row) for row in connection.execute(held.order_by(leases.c.name))]


def take(connection: Connection, name: str, owner: str, now: datetime, seconds: float) -> bool:
    """Take or extend the lease ``name``; false while another owner holds it.

    It waits for nobody: small writes share a commit, and two that wait for each other's leases would be a deadlock.
    """
    if connection.dialect.name != "sqlite" and not _may_take(connection, name, owner, now):
        return False
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(leases).values(name=name, owner=owner, until=now + timedelta(seconds=seconds))
    statement = statement.on_conflict_do_update(
        index_elements=["name"],
        set_={"owner": statement.excluded.owner, "until": statement.excluded.until},
        where=or_(leases.c.owner == owner, leases.c.until <= now),
    )
    return connection.execute(statement, execution_options=_COUNTED).rowcount == 1


def _may_take(connection: Connection, name: str, owner: str, now: datetime) -> bool:
    """Whether nobody else holds the lease, or is just taking it; its row is locked then."""
    row = select(leases.c.owner, leases.c.until).where(leases.c.name == name)
    found = connection.execute(row).one_or_none()
    if found is None:
        return True
    if found.owner != owner and found.until > now:
        return False
    return connection.execute(row.with_for_update(skip_locked=True)).first() is not None


def seize(connection: Connection, name: str, owner: str, now: datetime, seconds: float) -> None:
    """Take the lease ``name`` from whoever has it, who finds out at the next attempt to extend it."""
    connection.execute(delete(leases).where(leases.c.name == name))
    take(connection, name, owner, now, seconds)


def release(connection: Connection, name: str, owner: str) -> None:
    """Give a lease back; one that another owner has taken meanwhile stays."""
    connection.execute(delete(leases).where(leases.c.name == name, leases.c.owner == owner))


def wait_for_turn(connection: Connection, name: str, owner: str, now: datetime, seconds: float) -> float:
    """Take the turn of something done once every ``seconds`` in the whole cluster, even across restarts.

    Returns 0.0 when the turn was taken, in this transaction; else the seconds until the next one.
    """
    row = select(leases.c.until).where(leases.c.name == name)
    until: datetime | None = connection.execute(row).scalar_one_or_none()
    if until is None:
        # Another worker may have made the row meanwhile; then it holds the lease and this takes nothing.
        return 0.0 if take(connection, name, owner, now, seconds) else seconds
    if until > now:
        return (until - now).total_seconds()
    # Whoever has its turn keeps the row locked until all is done: nobody waits for that.
    mine = connection.execute(row.where(leases.c.until == until).with_for_update(skip_locked=True)).first()
    if mine is None:
        return seconds
    turn = update(leases).where(leases.c.name == name)
    connection.execute(turn.values(owner=owner, until=now + timedelta(seconds=seconds)))
    return 0.0


def ring(connection: Connection, name: str, now: datetime) -> None:
    """Have every process know that the bell ``name`` rang ``now``."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = insert(leases).values(name=_BELL + name, owner=_BELL, until=now)
    connection.execute(row.on_conflict_do_update(index_elements=["name"], set_={"until": row.excluded.until}))


def rung(connection: Connection) -> dict[str, datetime]:
    """When each bell last rang."""
    found = select(leases.c.name, leases.c.until).where(leases.c.owner == _BELL)
    return {row[0].removeprefix(_BELL): row[1] for row in connection.execute(found)}


class SqlTokenStore:
    """The connectors' ``TokenStore`` (``crossdock.sdk.services``) in the database, shared by all workers."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        """Use ``database``; ``now`` is the present instant, aware UTC."""
        self._database = database
        self._now = now

    async def load(self, name: str) -> tuple[bytes, int] | None:
        """The stored value and its version."""

        def read(connection: Connection) -> tuple[bytes, int] | None:
            row = connection.execute(
                select(tokens.c.value, tokens.c.version).where(tokens.c.name == name)
            ).one_or_none()
            return None if row is None else (row.value, row.version)

        return await self._database.read(read)

    async def save(self, name: str, value: bytes, expected_version: int) -> bool:
        """Store the value if the version is still ``expected_version`` (0: none stored yet)."""

        def write(connection: Connection) -> bool:
            now = self._now()
            if expected_version == 0:
                insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
                statement = insert(tokens).values(name=name, value=value, version=1, updated_at=now)
                inserted = connection.execute(statement.on_conflict_do_nothing(), execution_options=_COUNTED)
                return inserted.rowcount == 1
            changed = connection.execute(
                update(tokens)
                .where(tokens.c.name == name, tokens.c.version == expected_version)
                .values(value=value, version=expected_version + 1, updated_at=now)
            )
            return changed.rowcount == 1

        return await self._database.write(write)

    async def lease(self, name: str, owner: str, seconds: float) -> bool:
        """Take or extend the right to refresh ``name``."""
        return await self._database.write(
            lambda connection: take(connection, f"token:{name}", owner, self._now(), seconds)
        )

    async def release(self, name: str, owner: str) -> None:
        """Give the right back."""
        await self._database.write(lambda connection: release(connection, f"token:{name}", owner))
