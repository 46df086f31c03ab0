"""Back-orders: units promised out of supply that is still to come.

First come, first served: the earliest supply goes to the oldest promise, so what each may count on follows from the two
lists and is written down nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from crossdock.inventory.inbound import Inbound

__all__ = ["BackOrder", "arrive", "beyond_supply", "free_supply", "ship_by"]


@dataclass(frozen=True, slots=True)
class BackOrder:
    """Units of an order line that wait for supply.

    Attributes:
        key: Of the reservation that holds them.
        order_id: Whose they are.
        line_id: The order line.
        sku: Stock keeping unit.
        node: Where the supply arrives.
        quantity: Units.
        to_come: Of them, those that have not arrived.
        created_at: When they were promised; the oldest is served first.
    """

    key: str
    order_id: str
    line_id: str
    sku: str
    node: str
    quantity: int
    to_come: int
    created_at: datetime


def _oldest_first(waiting: Iterable[BackOrder]) -> list[BackOrder]:
    return sorted(waiting, key=lambda each: (each.created_at, each.key))


def _soonest_first(supply: Iterable[Inbound]) -> list[Inbound]:
    return sorted(supply, key=lambda each: (each.due, each.id))


def free_supply(supply: Iterable[Inbound], waiting: Iterable[BackOrder]) -> list[tuple[datetime, int]]:
    """What of the supply of a position nobody waits for: units by the instant they are due, soonest first."""
    taken = sum(each.to_come for each in waiting)
    free: list[tuple[datetime, int]] = []
    for row in _soonest_first(supply):
        covered = min(taken, row.quantity)
        taken -= covered
        if row.quantity > covered:
            free.append((row.due, row.quantity - covered))
    return free


def ship_by(supply: Iterable[Inbound], waiting: Sequence[BackOrder]) -> dict[str, datetime | None]:
    """When the last unit of each back-order of a position is due, by key; None where no supply covers it."""
    rows = _soonest_first(supply)
    dates: dict[str, datetime | None] = {}
    needed = 0
    for each in _oldest_first(waiting):
        needed += each.to_come
        arrived, due = 0, None
        for row in rows:
            arrived += row.quantity
            if arrived >= needed:
                due = row.due
                break
        dates[each.key] = due
    return dates


def arrive(
    supply: Iterable[Inbound], waiting: Iterable[BackOrder], units: int
) -> tuple[list[Inbound], list[BackOrder]]:
    """Units of a position have arrived: the soonest rows are less by them, the oldest back-orders have them.

    Returns:
        The rows and the back-orders that changed.
    """
    rows: list[Inbound] = []
    left = units
    for row in _soonest_first(supply):
        came = min(left, row.quantity)
        left -= came
        if came:
            rows.append(replace(row, quantity=row.quantity - came))
    served: list[BackOrder] = []
    left = units
    for each in _oldest_first(waiting):
        got = min(left, each.to_come)
        left -= got
        if got:
            served.append(replace(each, to_come=each.to_come - got))
    return rows, served


def beyond_supply(supply: Iterable[Inbound], waiting: Iterable[BackOrder], cap: int) -> list[BackOrder]:
    """The back-orders that go without when supply is cancelled: the newest, until the others fit."""
    room = sum(row.quantity for row in supply) + cap
    too_many: list[BackOrder] = []
    for each in _oldest_first(waiting):
        if each.to_come > room:
            too_many.append(each)
        else:
            room -= each.to_come
    return too_many
