"""Which orders still have something to tell somebody."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Text, bindparam, select

from crossdock.store.bulk import SelectMany
from crossdock.store.plumbing import commands

__all__ = ["unreported"]


_unapplied = SelectMany(
    {"order_key": Text()},
    lambda wanted: (
        select(commands.c.order_key)
        .select_from(wanted)
        .join(commands, commands.c.order_key == wanted.c.order_key)
        .where(commands.c.name.in_(bindparam("names", expanding=True)), commands.c.state != "applied")
        .distinct()
    ),
)


def unreported(connection: Connection, order_ids: Sequence[str], names: Sequence[str]) -> set[str]:
    """Those of ``order_ids`` with a command of ``names`` that was not applied."""
    rows = _unapplied(connection, [(each,) for each in sorted(set(order_ids))], names=list(names))
    return {row[0] for row in rows}
