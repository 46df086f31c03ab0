"""What of a return is due to the buyer, and what the channel has paid back, line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from sqlalchemy import Connection, select, update

from crossdock.store.bulk import InsertMany
from crossdock.store.return_tables import return_refunds, returns

__all__ = [
    "RefundKind",
    "RefundLine",
    "add_refunds",
    "credited_of_order",
    "load_refunds",
    "mark_refunded",
    "move_refunds",
]


class RefundKind(StrEnum):
    """Whose account it is."""

    DUE = "due"
    """The hub's, from what came; with an instant once the channel has carried it out."""
    REPORTED = "reported"
    """The channel's."""
    CREDITED = "credited"
    """What ERPs were told of."""


class RefundLine(Struct, frozen=True):
    """Units of an order line, or without one the whole return, that are to be or were paid back.

    Attributes:
        return_id: ``connection:external_id`` of the request, also before it has come; else of the blind return.
        external_id: Of the refund; of one that is due, of the receipt; of the credit note.
        number: Its place in there.
        cumulative: With all that was due, or credited, of the line and the return before; 0 of what was reported.
    """

    return_id: str
    kind: RefundKind
    external_id: str
    number: int
    order_line: str | None
    quantity: int
    cumulative: int
    refunded_at: datetime | None


_COLUMNS = RefundLine.__struct_fields__
_add = InsertMany(return_refunds, _COLUMNS, ignore=True)


def add_refunds(connection: Connection, lines: Sequence[RefundLine]) -> None:
    """Keep lines; what is known already stays as it is."""
    _add(connection, [tuple(getattr(line, name) for name in _COLUMNS) for line in lines])


def load_refunds(connection: Connection, return_ids: Iterable[str]) -> list[RefundLine]:
    """Everything about returns of these names, in an order that does not depend on when it was heard of."""
    known = return_refunds.c
    rows = connection.execute(
        select(*(known[name] for name in _COLUMNS))
        .where(known.return_id.in_(sorted(set(return_ids))))
        .order_by(known.return_id, known.kind, known.external_id, known.number)
    )
    return [RefundLine(row.return_id, RefundKind(row.kind), *tuple(row)[2:]) for row in rows]


def credited_of_order(connection: Connection, order_id: str) -> Counter[str]:
    """Units that credit notes of all returns of an order have told of, by the channel's line."""
    known = return_refunds.c
    rows = connection.execute(
        select(known.order_line, known.quantity)
        .join(returns, returns.c.id == known.return_id)
        .where(returns.c.order_id == order_id, known.kind == RefundKind.CREDITED.value)
    )
    units: Counter[str] = Counter()
    for line, quantity in rows:
        units[line] += quantity
    return units


def mark_refunded(connection: Connection, external_id: str, now: datetime) -> list[str]:
    """Note that what was due for a receipt has been paid back; the ids of the returns it belongs to."""
    known = return_refunds.c
    wanted = (known.kind == RefundKind.DUE.value, known.external_id == external_id)
    connection.execute(
        update(return_refunds).where(*wanted, known.refunded_at.is_(None)).values(refunded_at=now)
    )
    return list(connection.execute(select(known.return_id).where(*wanted).distinct()).scalars())


def move_refunds(connection: Connection, blind: str, name: str) -> None:
    """Give what is due of a blind return to the return ``name``, whose request has come."""
    connection.execute(
        update(return_refunds).where(return_refunds.c.return_id == blind).values(return_id=name)
    )
