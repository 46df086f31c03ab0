"""Fulfilment orders between nodes: what is under way to one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Text, bindparam, select

from crossdock.orders.life_cycles import FulfilmentState
from crossdock.store.bulk import SelectMany
from crossdock.store.order_tables import fulfilment_order_lines, fulfilment_orders

__all__ = ["Leg", "bound_for", "overdue"]


class Leg(NamedTuple):
    """A fulfilment order to another node, and the order that it is of."""

    id: str
    order_id: str


_LIVE = [
    state.value
    for state in FulfilmentState
    if state
    not in (
        FulfilmentState.CLOSED,
        FulfilmentState.CANCELLED,
        FulfilmentState.REJECTED,
        FulfilmentState.SHORT,
    )
]
_lines, _heads = fulfilment_order_lines.c, fulfilment_orders.c
_bound_for = SelectMany(
    {"sku": Text()},
    lambda wanted: (
        select(_heads.id, _heads.order_id, _heads.created_at)
        .select_from(wanted)
        .join(fulfilment_order_lines, _lines.sku == wanted.c.sku)
        .join(fulfilment_orders, _heads.id == _lines.fulfilment_order_id)
        .where(_heads.to_node == bindparam("to_node", type_=Text()), _heads.state.in_(_LIVE))
        .where(_lines.shipped + _lines.open > _lines.arrived)
        .order_by(_heads.created_at, _heads.id)
    ),
)


def bound_for(connection: Connection, node: str, skus: Iterable[str]) -> list[Leg]:
    """What brings any of ``skus`` to ``node``, or is to bring it, the oldest first."""
    wanted = [(sku,) for sku in sorted(set(skus))]
    return list(
        dict.fromkeys(Leg(row.id, row.order_id) for row in _bound_for(connection, wanted, to_node=node))
    )


def overdue(connection: Connection, before: datetime, limit: int) -> list[str]:
    """Fulfilment orders that left for another node, and should have been there ``before`` an instant."""
    rows = connection.execute(
        select(_heads.id)
        .join(fulfilment_order_lines, _lines.fulfilment_order_id == _heads.id)
        .where(
            _heads.to_node.is_not(None),
            _heads.state.in_(_LIVE),
            _lines.shipped > _lines.arrived,
            _heads.deliver_by <= before,
        )
        .group_by(_heads.id, _heads.deliver_by)
        .order_by(_heads.deliver_by, _heads.id)
        .limit(limit)
    )
    return [row.id for row in rows]
