"""Reality fell below what is promised: carts, then promises that no node works on yet, are taken back and re-routed.

Who among them is the configuration's choice (``shortfall.victims``). What a node was asked for already, it will report
short itself; until it does, the position keeps its shortfall on record.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Text, select

from crossdock.inventory.promises import ReservationState
from crossdock.inventory.shortfalls import PromiseAtRisk, Standing, choose_victims
from crossdock.orders.cancelling import call_back
from crossdock.orders.life_cycles import FulfilmentState
from crossdock.store import feeds, inbound, reservations
from crossdock.store.bulk import SelectMany
from crossdock.store.order_tables import fulfilment_order_lines, fulfilment_orders, orders
from crossdock.store.stock_tables import reservations as reservation_rows
from crossdock.streams.processor import Transaction
from crossdock.streams.processors import back_ordering, reserving
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.happenings import Occurrence
from crossdock.streams.processors.hub import Hub

__all__ = ["cover"]

Key = tuple[str, str]
_UNASKED = (FulfilmentState.OPEN, FulfilmentState.SCHEDULED, FulfilmentState.ON_HOLD)
_POSITION = {"sku": Text(), "node": Text()}


def cover(hub: Hub, tx: Transaction, node: str, skus: Sequence[str]) -> None:
    """Take back promises on those positions of ``node`` that hold less than is promised from them."""
    found = feeds.shortfalls(tx.connection, node, skus)
    if not found:
        return
    reservations.lock_positions(tx.connection, [(short.sku, node) for short in found], tx.now)
    # What has lapsed is booked now, and may be all that was too much.
    shorts = feeds.shortfalls(tx.connection, node, [short.sku for short in found])
    keys = [(short.sku, node) for short in shorts]
    at_risk = _reserved(hub, tx.connection, keys)
    for key, promises in _allocated(tx.connection, keys).items():
        at_risk.setdefault(key, []).extend(promises)
    carts: set[str] = set()
    lines: set[str] = set()
    for short in shorts:
        promises = at_risk.get((short.sku, short.node), [])
        for victim in choose_victims(promises, short.units, hub.config.shortfall.victims)[0]:
            (carts if victim.standing is Standing.RESERVED else lines).add(victim.key)
    if carts:
        _release(tx, carts, frozenset(keys))
    if lines:
        _call_back(hub, tx, lines)


def _release(tx: Transaction, carts: Iterable[str], keys: frozenset[Key]) -> None:
    """Give back what ``carts`` hold at the positions: their other lines stay."""
    held = reservations.load(tx.connection, carts)
    gone = [
        each
        for rows in held.values()
        for each in rows
        if (each.sku, each.node) in keys and each.state is ReservationState.ACTIVE
    ]
    of_orders = {
        each.key: each
        for waiting in inbound.waiting_at(tx.connection, keys).values()
        for each in waiting
        if each.key in held
    }
    back_ordering.give_back(tx, of_orders.values())
    reserving.take_back(tx, [each for each in gone if each.key not in of_orders])


def _call_back(hub: Hub, tx: Transaction, lines: Iterable[str]) -> None:
    books = Books(hub, tx)
    fulfilment_ids = sorted({line.rpartition("-")[0] for line in lines})
    books.load_fulfilments(fulfilment_ids)
    for each in fulfilment_ids:
        stored = books.fulfilments[each]
        change = call_back(stored.fulfilment, books.quantities_of(stored))
        books.apply(stored, change, Occurrence(f"shortfall:{each}", "hub", tx.now))
    books.close()


_lines_at = SelectMany(
    _POSITION,
    lambda wanted: (
        select(
            fulfilment_order_lines.c.sku,
            fulfilment_orders.c.node,
            fulfilment_order_lines.c.id,
            fulfilment_order_lines.c.open,
            orders.c.priority,
            fulfilment_orders.c.created_at,
        )
        .select_from(wanted)
        .join(
            fulfilment_order_lines,
            (fulfilment_order_lines.c.sku == wanted.c.sku) & (fulfilment_order_lines.c.open > 0),
        )
        .join(
            fulfilment_orders,
            (fulfilment_orders.c.id == fulfilment_order_lines.c.fulfilment_order_id)
            & (fulfilment_orders.c.node == wanted.c.node)
            & fulfilment_orders.c.state.in_([state.value for state in _UNASKED]),
        )
        .join(orders, orders.c.id == fulfilment_orders.c.order_id)
    ),
)
_reservations_at = SelectMany(
    _POSITION,
    lambda wanted: (
        select(
            reservation_rows.c.sku,
            reservation_rows.c.node,
            reservation_rows.c.key,
            reservation_rows.c.quantity,
            reservation_rows.c.channel,
            reservation_rows.c.updated_at,
        )
        .select_from(wanted)
        .join(
            reservation_rows,
            (reservation_rows.c.sku == wanted.c.sku)
            & (reservation_rows.c.node == wanted.c.node)
            & (reservation_rows.c.state == "active"),
        )
    ),
)


def _allocated(connection: Connection, keys: Sequence[Key]) -> dict[Key, list[PromiseAtRisk]]:
    return _by_position(
        (sku, node, PromiseAtRisk(line, units, priority, made, Standing.ALLOCATED))
        for sku, node, line, units, priority, made in _lines_at(connection, keys)
    )


def _reserved(hub: Hub, connection: Connection, keys: Sequence[Key]) -> dict[Key, list[PromiseAtRisk]]:
    priorities = {each.id: each.config.priority for each in hub.channels.values()}
    return _by_position(
        (sku, node, PromiseAtRisk(key, units, priorities.get(channel, 0), made, Standing.RESERVED))
        for sku, node, key, units, channel, made in _reservations_at(connection, keys)
    )


def _by_position(rows: Iterable[tuple[Any, Any, PromiseAtRisk]]) -> dict[Key, list[PromiseAtRisk]]:
    found: dict[Key, list[PromiseAtRisk]] = {}
    for sku, node, promise in rows:
        found.setdefault((sku, node), []).append(promise)
    return found
