"""Back-orders and pre-orders: units promised out of supply that is due, and up to a cap beyond it.

The units are held by a reservation, so the books and their CHECK know them: ``cover`` grows with it. They are released
when the supply comes. What the order gets from elsewhere meanwhile, or does not want any more, is given back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.inventory.availability import Limits, uncommitted
from crossdock.inventory.back_orders import BackOrder, arrive, beyond_supply, free_supply
from crossdock.inventory.inbound import Inbound
from crossdock.inventory.position import Movement, MovementKind, Position
from crossdock.inventory.promises import Reservation, ReservationState
from crossdock.routing import Decision
from crossdock.store import inbound, order_book, reservations, stock
from crossdock.store.order_book import StoredOrder
from crossdock.streams.processor import Transaction
from crossdock.streams.processors.hub import Hub

if TYPE_CHECKING:
    from crossdock.streams.processors.books import Books

__all__ = ["arrived", "drop_surplus", "give_back", "promise", "set_supply"]

Key = tuple[str, str]
_FOREVER = timedelta(days=3650)


def promise(books: Books, order: StoredOrder, decision: Decision) -> None:
    """Promise the unfilled lines of an order out of supply, each from the node where it comes soonest."""
    hub, tx = books.hub, books.tx
    rows = inbound.of_skus(tx.connection, (line.sku for line in decision.unfilled))
    capped = [node.id for node in hub.nodes.values() if node.feed.backorder_cap]
    keys = {(row.sku, row.node) for row in rows if row.node in hub.nodes}
    keys |= {(line.sku, node) for line in decision.unfilled for node in capped}
    if not keys:
        return
    known = {each.line_id for each in inbound.of_orders(tx.connection, [order.id])}
    positions = reservations.lock_positions(tx.connection, sorted(keys), tx.now)
    supply = inbound.of_positions(tx.connection, keys)
    waiting = inbound.waiting_at(tx.connection, keys)
    for line in decision.unfilled:
        if line.line_id in known:
            continue
        node = _soonest(hub, line.sku, line.quantity, positions, supply, waiting)
        if node is None:
            continue
        key = f"backorder:{order.id}:{line.line_id}:{order.decisions}"
        made = BackOrder(key, order.id, line.line_id, line.sku, node, line.quantity, line.quantity, tx.now)
        waiting.setdefault((line.sku, node), []).append(made)
        _hold(books.tx, made, order)


def arrived(hub: Hub, tx: Transaction, node: str, units: Mapping[str, int]) -> None:
    """Units have come to a node: the oldest back-orders have them, and their orders are routed at once."""
    keys = [(sku, node) for sku in units]
    supply = inbound.of_positions(tx.connection, keys)
    waiting = inbound.waiting_at(tx.connection, keys)
    cover: dict[Key, int] = {}
    served: list[BackOrder] = []
    for sku, quantity in units.items():
        key = (sku, node)
        rows, got = arrive(supply.get(key, ()), waiting.get(key, ()), quantity)
        inbound.save(tx.connection, rows, tx.now)
        before = {each.key: each.to_come for each in waiting.get(key, ())}
        cover[key] = -sum(before[each.key] - each.to_come for each in got)
        served.extend(got)
    if served:
        inbound.save_back_orders(tx.connection, served)
        stock.change_cover(tx.connection, cover)
        _wake(tx, [each.order_id for each in served if not each.to_come])


def drop_surplus(books: Books, order_ids: Iterable[str]) -> None:
    """Give back what orders wait for no more: it was placed otherwise, or cancelled."""
    connection = books.tx.connection
    waiting = inbound.of_orders(connection, order_ids)
    surplus: list[BackOrder] = []
    left: dict[tuple[str, str], int] = {}
    for each in waiting:
        line = (each.order_id, each.line_id)
        if line not in left:
            quantities = books.orders[each.order_id].quantities.get(each.line_id)
            left[line] = quantities.unallocated if quantities else 0
        left[line] -= each.quantity
        if left[line] < 0:
            surplus.append(each)
    if surplus:
        keys = sorted({(each.sku, each.node) for each in surplus})
        reservations.lock_positions(connection, keys, books.tx.now)
        # Read again: until the lock, units may have come for them, or less have become due.
        locked = {
            each.key: each for each in inbound.of_orders(connection, {each.order_id for each in surplus})
        }
        give_back(books.tx, [locked[each.key] for each in surplus if each.key in locked])


def set_supply(hub: Hub, tx: Transaction, row: Inbound) -> Inbound:
    """Say what is due: a new row, another quantity or date; 0 cancels it. The same again changes nothing.

    Where less is due than is promised, the newest back-orders go without: their orders wait for other stock.

    Raises:
        RecordRejectedError: The node is not configured, or the id is another SKU's or node's.
    """
    if row.node not in hub.nodes:
        known = ", ".join(sorted(hub.nodes)[:10]) or "none"
        raise RecordRejectedError(
            Rejection("inbound.unknown_node", f"node {row.node!r} is not configured (known: {known})")
        )
    key = (row.sku, row.node)
    stock.open_positions(tx.connection, [key])
    reservations.lock_positions(tx.connection, [key], tx.now)
    known_row = inbound.load(tx.connection, row.id)
    if known_row is not None and (known_row.sku, known_row.node) != key:
        raise RecordRejectedError(
            Rejection(
                "inbound.reused",
                f"inbound {row.id!r} is {known_row.sku} for {known_row.node}: set it to 0, and give this a new id",
            )
        )
    inbound.save(tx.connection, [row], tx.now)
    supply = inbound.of_positions(tx.connection, [key]).get(key, [])
    waiting = inbound.waiting_at(tx.connection, [key]).get(key, [])
    give_back(tx, beyond_supply(supply, waiting, hub.nodes[row.node].feed.backorder_cap))
    return row


def give_back(tx: Transaction, back_orders: Iterable[BackOrder]) -> None:
    """Take back-orders off: their units are not held any more. The positions must be locked."""
    gone = list(back_orders)
    if not gone:
        return
    held = reservations.load(tx.connection, [each.key for each in gone])
    active = [each for rows in held.values() for each in rows if each.state is ReservationState.ACTIVE]
    movements = [
        Movement(each.sku, each.node, MovementKind.RELEASED, 0, -each.quantity, 0, 0, tx.now, "hub", each.key)
        for each in active
    ]
    stock.book_promises(tx.connection, movements, tx.now)
    cover: dict[Key, int] = {}
    for each in gone:
        key = (each.sku, each.node)
        cover[key] = cover.get(key, 0) - each.to_come
    stock.change_cover(tx.connection, cover)
    reservations.save(tx.connection, [_released(each) for each in active], tx.now)
    inbound.remove(tx.connection, [each.key for each in gone])


def _soonest(
    hub: Hub,
    sku: str,
    units: int,
    positions: Mapping[Key, Position],
    supply: Mapping[Key, list[Inbound]],
    waiting: Mapping[Key, list[BackOrder]],
) -> str | None:
    """The node where ``units`` are due first, all of them; one that promises beyond its supply comes last."""
    found: list[tuple[int, float, str]] = []
    for at, position in positions.items():
        owed = sum(each.to_come for each in waiting.get(at, ()))
        # Where less is there than is promised already, what comes first makes up for that.
        if at[0] != sku or uncommitted(position, Limits(inbound_promised=owed)) < 0:
            continue
        free = free_supply(supply.get(at, ()), waiting.get(at, ()))
        covered = 0
        for due, quantity in free:
            covered += quantity
            if covered >= units:
                found.append((0, due.timestamp(), at[1]))
                break
        else:
            due_in_all = sum(row.quantity for row in supply.get(at, ()))
            cap = hub.nodes[at[1]].feed.backorder_cap
            if owed + units <= due_in_all + cap:
                found.append((1, 0.0, at[1]))
    return min(found)[2] if found else None


def _hold(tx: Transaction, made: BackOrder, order: StoredOrder) -> None:
    stock.change_cover(tx.connection, {(made.sku, made.node): made.to_come})
    held = Reservation(made.key, made.sku, made.node, made.quantity, tx.now + _FOREVER, channel=order.channel)
    movement = Movement(
        made.sku, made.node, MovementKind.RESERVED, 0, made.quantity, 0, 0, tx.now, "hub", made.key
    )
    stock.book_promises(tx.connection, [movement], tx.now)
    reservations.save(tx.connection, [held], tx.now, {made.key: order.id})
    inbound.save_back_orders(tx.connection, [made])


def _wake(tx: Transaction, order_ids: Iterable[str]) -> None:
    found = order_book.load_orders(tx.connection, set(order_ids))
    woken = [replace(order, route_at=tx.now) for order in found.values() if order.route_at is not None]
    order_book.save_orders(tx.connection, woken, tx.now)


def _released(each: Reservation) -> Reservation:
    return Reservation(
        each.key,
        each.sku,
        each.node,
        each.quantity,
        each.expires_at,
        ReservationState.RELEASED,
        each.channel,
    )
