"""Reality fell below what is promised: promises that no node works on yet are taken back and re-routed.

What a node was asked for already, it will report short itself; until it does, the position keeps its
shortfall on record.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from crossdock.inventory.feeds import Short
from crossdock.inventory.shortfalls import PromiseAtRisk, Standing, VictimPolicy, choose_victims
from crossdock.orders.cancelling import call_back
from crossdock.orders.life_cycles import FulfilmentState
from crossdock.store.order_tables import fulfilment_order_lines, fulfilment_orders, orders
from crossdock.streams.processor import Transaction
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.happenings import Occurrence
from crossdock.streams.processors.hub import Hub

__all__ = ["cover"]

_UNASKED = (FulfilmentState.OPEN, FulfilmentState.SCHEDULED, FulfilmentState.ON_HOLD)


def cover(hub: Hub, tx: Transaction, shorts: Sequence[Short]) -> None:
    """Take back promises on positions that hold less than is promised from them."""
    victims: set[str] = set()
    for short in shorts:
        at_risk = _at_risk(tx, short)
        chosen, _ = choose_victims(at_risk.values(), short.units, VictimPolicy.LATEST_PROMISE)
        victims |= {victim.key for victim in chosen}
    if not victims:
        return
    books = Books(hub, tx)
    fulfilment_ids = sorted({line.rpartition("-")[0] for line in victims})
    books.load_fulfilments(fulfilment_ids)
    for each in fulfilment_ids:
        stored = books.fulfilments[each]
        change = call_back(stored.fulfilment, books.orders[stored.fulfilment.order].quantities)
        books.apply(stored, change, Occurrence(f"shortfall:{each}", "hub", tx.now))
    books.close()


def _at_risk(tx: Transaction, short: Short) -> dict[str, PromiseAtRisk]:
    lines, heads = fulfilment_order_lines.c, fulfilment_orders.c
    rows = tx.connection.execute(
        select(lines.id, lines.open, orders.c.priority, heads.created_at)
        .join_from(fulfilment_order_lines, fulfilment_orders, lines.fulfilment_order_id == heads.id)
        .join(orders, orders.c.id == heads.order_id)
        .where(
            lines.sku == short.sku,
            lines.open > 0,
            heads.node == short.node,
            heads.state.in_([state.value for state in _UNASKED]),
        )
    )
    return {
        row.id: PromiseAtRisk(row.id, row.open, row.priority, row.created_at, Standing.ALLOCATED)
        for row in rows
    }
