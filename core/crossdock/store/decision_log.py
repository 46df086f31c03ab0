"""Routing decisions as they were made, and the versions of the network they name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from crossdock.routing import Decision, decode_decision
from crossdock.store.bulk import InsertMany
from crossdock.store.order_tables import decisions, network_versions

__all__ = ["DecisionRow", "add", "keep_network", "load", "load_network", "of_order", "row"]


class DecisionRow(NamedTuple):
    """One decision of an order; ``why`` is what made it necessary."""

    id: str
    order_id: str
    number: int
    why: str
    policy: str
    network: str
    snapshot: str
    body: bytes
    decided_at: datetime

    @property
    def decision(self) -> Decision:
        """The decision itself."""
        return decode_decision(self.body)


_insert = InsertMany(decisions, DecisionRow._fields)
_keep = InsertMany(
    network_versions,
    ("version", "document", "created_at"),
    conflict=("version",),
    update=lambda new: {"document": new["document"]},
)


def row(order_id: str, number: int, why: str, decision: Decision) -> DecisionRow:
    """The row of a decision."""
    policy = f"{decision.policy}@{decision.policy_version}" if decision.policy else ""
    return DecisionRow(
        f"{order_id}#{number}",
        order_id,
        number,
        why,
        policy,
        decision.network_version,
        decision.snapshot_hash,
        decision.encode(),
        decision.decided_at,
    )


def add(connection: Connection, rows: Sequence[DecisionRow]) -> None:
    """Keep decisions."""
    _insert(connection, rows)


def of_order(connection: Connection, order_id: str) -> list[DecisionRow]:
    """All decisions of an order, the first first."""
    rows = connection.execute(
        select(*(decisions.c[name] for name in DecisionRow._fields))
        .where(decisions.c.order_id == order_id)
        .order_by(decisions.c.number)
    )
    return [DecisionRow(*each) for each in rows]


def load(connection: Connection, decision_id: str) -> DecisionRow | None:
    """One decision; None where there is none of this id."""
    found = connection.execute(
        select(*(decisions.c[name] for name in DecisionRow._fields)).where(decisions.c.id == decision_id)
    ).one_or_none()
    return None if found is None else DecisionRow(*found)


def keep_network(connection: Connection, version: str, document: bytes, now: datetime) -> None:
    """Keep the network of a version and all policies that decided on it, so that decisions can be explained later."""
    _keep(connection, [(version, document, now)])


def load_network(connection: Connection, version: str) -> bytes | None:
    """The document of a version."""
    found = connection.execute(
        select(network_versions.c.document).where(network_versions.c.version == version)
    ).scalar_one_or_none()
    return None if found is None else bytes(found)
