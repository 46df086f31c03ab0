"""Reservations that become fulfilment orders: the order goes to the node that holds its units, by the same engine.

An order names its reservations as references ``{kind: reservation, value: KEY}``; they are confirmed before the rest of
it is routed. Or a caller confirms a reservation for an order that waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import structlog
from msgspec.structs import replace

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.inventory import promises
from crossdock.inventory.position import Movement, Position
from crossdock.inventory.promises import Refusal, Reservation, ReservationState
from crossdock.routing import SupplyView
from crossdock.store import capacity, inbound, lots, reservations, ring_fences
from crossdock.store.order_book import StoredOrder
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.demand import load_products
from crossdock.streams.processors.placing import fulfil_from
from crossdock.streams.processors.reserving import locked
from crossdock.streams.processors.snapshot import View, take_capacity

__all__ = ["confirm", "confirm_arrived", "confirm_named"]

_KIND = "reservation"
Key = tuple[str, str]


def confirm_named(books: Books, order_ids: Iterable[str]) -> None:
    """Confirm the reservations that new orders name. One that holds nothing any more is no reason to stop an order:
    its units are routed like all others.
    """
    for order_id in order_ids:
        document = books.document(books.orders[order_id].document)
        for reference in document.references:
            if reference["kind"] == _KIND:
                try:
                    confirm(books, reference["value"], order_id)
                except RecordRejectedError as error:
                    structlog.get_logger(__name__).info(
                        "reservation not confirmed", order=order_id, error=error.message
                    )


def confirm_arrived(books: Books, order_ids: Iterable[str]) -> None:
    """Place what orders were promised out of supply that has come since."""
    for each in inbound.of_orders(books.tx.connection, order_ids):
        if each.to_come:
            continue
        try:
            confirm(books, each.key, each.order_id)
        except RecordRejectedError as error:
            structlog.get_logger(__name__).info(
                "back-order not placed", order=each.order_id, error=error.message
            )
        else:
            inbound.remove(books.tx.connection, [each.key])


def confirm(books: Books, key: str, order_id: str) -> tuple[Reservation, ...]:
    """Place the order ``order_id``, which must be loaded, from what ``key`` holds.

    Units that the order does not want are given back; those it wants beyond the reservation wait to be routed.

    Raises:
        RecordRejectedError: The reservation is missing, has expired, was released, or was confirmed for another order;
            the order wants none of its units; its policy lets the node ship none of them.
    """
    found, positions = locked(books.tx, key)
    if all(each.state is ReservationState.CONFIRMED for each in found):
        _same_order(books, key, order_id)
        return found
    movements: list[Movement] = []
    confirmed: list[Reservation] = []
    for each in found:
        done = promises.confirm(positions[each.sku, each.node], each, books.tx.now, "hub")
        if isinstance(done, Refusal):
            raise _refused(done.reason, done.message)
        # The units are allocated line by line, as the plan has them.
        movements.extend(movement._replace(allocated=0) for movement in done.movements)
        confirmed.append(done.reservation)
    _place(books, key, order_id, found, positions)
    books.promise(movements)
    ring_fences.give_back(
        books.tx.connection, [(each.key, each.sku, each.node, each.quantity) for each in found], books.tx.now
    )
    reservations.save(books.tx.connection, confirmed, books.tx.now, {key: order_id})
    return tuple(confirmed)


def _place(
    books: Books, key: str, order_id: str, found: Sequence[Reservation], positions: Mapping[Key, Position]
) -> None:
    order = books.orders[order_id]
    waiting = {line.sku for line in order.lines if line.quantities.unallocated}
    held = [(each.sku, each.node, _held(each, positions)) for each in found if each.sku in waiting]
    if not held:
        raise _refused(
            "not_wanted",
            f"order {order_id} waits for none of what reservation {key} holds: release it instead",
        )
    days = books.hub.network.days(books.tx.now)
    used = capacity.load(books.tx.connection, days) if days else {}
    skus = [sku for sku, _, _ in held]
    supply = SupplyView(books.hub.network, held, used=used, skus=skus)
    view = View(supply, lots.load(books.tx.connection, positions))
    facts = load_products(books.tx.connection, waiting)
    before = len(books.of_order(order_id))
    units_held: dict[str, int] = {}
    for sku, _, units in held:
        units_held[sku] = units_held.get(sku, 0) + units
    wanting = _only(order, units_held)
    fulfil_from(books, wanting, books.document_of(order), facts, frozenset(), view, f"reservation {key}")
    if len(books.of_order(order_id)) == before:
        raise _refused(
            "not_placed",
            f"no policy lets {', '.join(sorted({node for _, node, _ in held}))} ship order {order_id} now: "
            "`crossdock decision show` says why; move the reservation, or release it",
        )
    if days:
        taken: dict[str, capacity.Used] = {}
        for plan in view.drain():
            take_capacity(taken, plan)
        capacity.take(books.tx.connection, days, taken)


def _only(order: StoredOrder, units: dict[str, int]) -> StoredOrder:
    """``order`` as if it wanted no more than ``units`` by SKU."""
    lines = []
    for line in order.lines:
        wanted = line.quantities.unallocated
        given = min(wanted, units.get(line.sku, 0))
        units[line.sku] = units.get(line.sku, 0) - given
        lines.append(
            replace(line, quantities=line.quantities.cancel(wanted - given)) if wanted > given else line
        )
    return replace(order, lines=tuple(lines))


def _held(each: Reservation, positions: Mapping[Key, Position]) -> int:
    """What of it is really there: the node may have counted less since."""
    position = positions[each.sku, each.node]
    return max(0, min(each.quantity, position.on_hand - position.quarantined - position.allocated))


def _same_order(books: Books, key: str, order_id: str) -> None:
    known = reservations.order_of(books.tx.connection, key)
    if known != order_id:
        raise _refused("confirmed", f"reservation {key} was confirmed for order {known}, not {order_id}")


def _refused(reason: str, message: str) -> RecordRejectedError:
    return RecordRejectedError(Rejection(f"reservation.{reason}", message))
