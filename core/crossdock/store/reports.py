"""Which orders still have something to tell somebody."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Text, select

from crossdock.store.bulk import values_table
from crossdock.store.plumbing import commands

__all__ = ["unreported"]


def unreported(connection: Connection, order_ids: Sequence[str], names: Sequence[str]) -> set[str]:
    """Those of ``order_ids`` with a command of ``names`` that was not applied."""
    if not order_ids:
        return set()
    wanted = values_table(connection, {"id": Text()}, [(each,) for each in sorted(set(order_ids))])
    rows = connection.execute(
        select(commands.c.order_key)
        .select_from(wanted)
        .join(commands, commands.c.order_key == wanted.c.id)
        .where(commands.c.name.in_(names), commands.c.state != "applied")
        .distinct()
    )
    return set(rows.scalars())
