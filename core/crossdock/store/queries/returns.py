"""Returns as they are listed and shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from crossdock.orders.life_cycles import ReturnState
from crossdock.orders.returning import ReturnedLine
from crossdock.store.return_tables import return_lines, returns
from crossdock.store.returns import ReceiptLine, load_receipts, load_returns

__all__ = ["ReturnDetail", "ReturnSummary", "list_returns", "load_detail"]


class ReturnSummary(NamedTuple):
    """A return in a list; units are sums over its lines."""

    id: str
    order_id: str | None
    node: str | None
    state: str
    created_at: datetime
    refunded_at: datetime | None
    units_requested: int
    units_received: int


@dataclass(frozen=True, slots=True)
class ReturnDetail:
    """A return with its lines, and every line that nodes received."""

    id: str
    order_id: str | None
    connection: str
    external_id: str
    node: str | None
    state: ReturnState
    awaits: str | None
    created_at: datetime
    refunded_at: datetime | None
    lines: tuple[ReturnedLine, ...]
    received: tuple[ReceiptLine, ...]


def list_returns(
    connection: Connection,
    *,
    state: ReturnState | None = None,
    node: str | None = None,
    order_id: str | None = None,
    limit: int = 50,
) -> list[ReturnSummary]:
    """Returns, the newest first; what is None does not restrict."""
    requested, received = (
        select(func.coalesce(func.sum(return_lines.c[name]), 0))
        .where(return_lines.c.return_id == returns.c.id)
        .scalar_subquery()
        for name in ("requested", "received")
    )
    wanted = {"state": state, "node": node, "order_id": order_id}
    rows = connection.execute(
        select(*(returns.c[name] for name in ReturnSummary._fields[:6]), requested, received)
        .where(*(returns.c[name] == value for name, value in wanted.items() if value is not None))
        .order_by(returns.c.created_at.desc(), returns.c.id)
        .limit(limit)
    )
    return [ReturnSummary._make((*head, int(asked), int(came))) for *head, asked, came in map(tuple, rows)]


def load_detail(connection: Connection, return_id: str) -> ReturnDetail | None:
    """Everything about one return."""
    found = load_returns(connection, [return_id], lock=False).get(return_id)
    if found is None:
        return None
    return ReturnDetail(
        id=found.id,
        order_id=found.order_id,
        connection=found.connection,
        external_id=found.external_id,
        node=found.node,
        state=found.state,
        awaits=found.awaits,
        created_at=found.created_at,
        refunded_at=found.refunded_at,
        lines=found.lines,
        received=tuple(load_receipts(connection, return_id)),
    )
