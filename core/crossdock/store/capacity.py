"""What nodes have been given on a day of their own time zone: orders, lines, units."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlalchemy import Connection, case, select, update

from crossdock.store.bulk import InsertMany
from crossdock.store.stock_tables import capacity_used

__all__ = ["Used", "give_back", "load", "take"]

Used = tuple[int, int, int]
"""Orders (a shipment is one), lines, units."""

_add = InsertMany(
    capacity_used,
    ("node", "day", "orders", "lines", "units"),
    conflict=("node", "day"),
    update=lambda new: {name: capacity_used.c[name] + new[name] for name in ("orders", "lines", "units")},
)


def load(connection: Connection, days: Mapping[str, date]) -> dict[str, Used]:
    """What each of the nodes has been given on its day; idle ones are missing."""
    written = {node: day.isoformat() for node, day in days.items()}
    rows = connection.execute(
        select(
            capacity_used.c.node,
            capacity_used.c.day,
            capacity_used.c.orders,
            capacity_used.c.lines,
            capacity_used.c.units,
        ).where(capacity_used.c.day.in_(sorted(set(written.values()))))
    )
    return {row[0]: (row[2], row[3], row[4]) for row in rows if written.get(row[0]) == row[1]}


def take(connection: Connection, days: Mapping[str, date], taken: Mapping[str, Used]) -> None:
    """Add what nodes were given now, each on its day; those without one have no limit."""
    _add(connection, [(node, days[node].isoformat(), *taken[node]) for node in sorted(taken) if node in days])


def give_back(connection: Connection, freed: Mapping[tuple[str, date], Used]) -> None:
    """Take off what nodes have not to do after all, by node and day; negative numbers take it anew."""
    for node, day in sorted(freed):
        orders, lines, units = freed[node, day]
        changes = {"orders": orders, "lines": lines, "units": units}
        connection.execute(
            update(capacity_used)
            .where(capacity_used.c.node == node, capacity_used.c.day == day.isoformat())
            .values(
                {
                    name: case((column >= number, column - number), else_=0)
                    for name, number in changes.items()
                    for column in (capacity_used.c[name],)
                }
            )
        )
