"""Goods that are brought together at a node before they go to the buyer.

Every leg is a fulfilment order to that node (``to_node``), of which neither channel nor ERP hear. The one that sends
all of it on is allocated with them, out of what is to come (``positions.cover``): nobody else is promised the units,
before they come and after. Its node is asked when the last unit is there. What a leg can't bring is routed again; what
nobody waits for any more is called off, or, where it is under way, supply that is due at the node.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from crossdock.inventory.inbound import Inbound
from crossdock.orders import consolidating
from crossdock.orders.effects import CallOff, NotComing
from crossdock.store import stock
from crossdock.store.fulfilments import StoredFulfilment
from crossdock.store.legs import Leg
from crossdock.streams.processor import Transaction
from crossdock.streams.processors import back_ordering
from crossdock.streams.processors.happenings import Occurrence
from crossdock.streams.processors.outgoing import reroute

if TYPE_CHECKING:
    from crossdock.orders.fulfilment import Fulfilment
    from crossdock.streams.processors.books import Books
    from crossdock.streams.processors.stock_documents import MovementDocument

__all__ = ["change_cover", "follow", "have_left", "receive"]

Key = tuple[str, str]


def follow(books: Books, effect: CallOff | NotComing, occurrence: Occurrence) -> None:
    """Tell one fulfilment order of an order what has become of another."""
    here = books.fulfilments[effect.fulfilment_line.rpartition("-")[0]]
    if isinstance(effect, CallOff):
        change = consolidating.call_off(here.fulfilment, {effect.fulfilment_line: effect.quantity})
        books.apply(here, change, occurrence)
        have_left(books, here.id)
        _go_on(books, here)
        return
    for stored in books.of_order(here.fulfilment.order):
        if any(line.awaits == effect.fulfilment_line and line.to_come for line in stored.fulfilment.lines):
            change = consolidating.not_coming(stored.fulfilment, books.quantities_of(stored), effect)
            books.apply(stored, change, occurrence)


def have_left(books: Books, name: str) -> None:
    """What has left, and nobody waits for any more, is supply that is due where it goes."""
    leg = books.fulfilments[name]
    books.put_fulfilment(replace(leg, fulfilment=consolidating.closed(leg.fulfilment)))
    last = _last_of(books, leg)
    if last is None:
        return
    for sku, units in sorted(consolidating.surplus(leg.fulfilment, last.fulfilment).items()):
        due = leg.deliver_by or books.tx.now
        row = Inbound(f"transfer:{leg.id}:{sku}", sku, leg.fulfilment.to_node, units, due)
        back_ordering.set_supply(books.hub, books.tx, row)


def receive(
    books: Books, found: Sequence[Leg], document: MovementDocument, came: Mapping[str, int]
) -> dict[str, int]:
    """Units by SKU have come to a node: those that orders are brought together of go on as soon as all are there.

    A reference of any kind may say by its id which leg they are of, as the depositor's order of an X12 944 does;
    otherwise the oldest that left are taken to be there first.

    Args:
        found: What is bound for the node.

    Returns:
        Units that no such order waits for.
    """
    books.load(each.order_id for each in found)
    said = {reference["value"] for reference in document.references}
    left, rest = dict(came), dict(came)
    for name in sorted((each.id for each in found), key=lambda name: name not in said):
        leg = books.fulfilments[name]
        there, own = consolidating.receive(leg.fulfilment, left, named=name in said)
        if not own:
            continue
        for line in leg.fulfilment.lines:
            left[line.sku] = left.get(line.sku, 0) - own.get(line.id, 0)
        books.put_fulfilment(replace(leg, fulfilment=there))
        for sku, units in _arrived(books, leg, own).items():
            rest[sku] -= units
    return rest


def _arrived(books: Books, leg: StoredFulfilment, own: Mapping[str, int]) -> dict[str, int]:
    """Units by SKU that a fulfilment order has waited for; with the last of them its order goes on."""
    last = _last_of(books, leg)
    if last is None:
        return {}
    there, taken = consolidating.arrive(last.fulfilment, own)
    books.put_fulfilment(replace(last, fulfilment=there))
    if taken:
        _go_on(books, leg)
    return taken


def _go_on(books: Books, leg: StoredFulfilment) -> None:
    """Have the node asked that has all that is still wanted of what ``leg`` and others bring."""
    last = _last_of(books, leg)
    if last is not None and last.fulfilment.open and not last.fulfilment.to_come:
        order = books.orders[last.fulfilment.order]
        books.tx.emit(reroute(order, f"together:{last.id}:{leg.id}", "together", unreleased=True))


def _last_of(books: Books, leg: StoredFulfilment) -> StoredFulfilment | None:
    """The fulfilment order that sends on what ``leg`` brings."""
    brought = {line.id for line in leg.fulfilment.lines}
    for stored in books.of_order(leg.fulfilment.order):
        if any(line.awaits in brought for line in stored.fulfilment.lines):
            return stored
    return None


def change_cover(
    tx: Transaction, before: Mapping[str, Fulfilment], changed: Iterable[StoredFulfilment]
) -> dict[Key, int]:
    """Have what is to come for new fulfilment orders at their nodes covered.

    Returns:
        What is not to come any more, to be taken off once everything is booked.
    """
    more: dict[Key, int] = {}
    less: dict[Key, int] = {}
    for stored in changed:
        known = before.get(stored.id)
        waited = {line.id: line.to_come for line in known.lines} if known else {}
        for line in stored.fulfilment.lines:
            # What one gives up another may have in the same transaction: both are allocated until it is booked.
            units = line.to_come - waited.get(line.id, 0)
            sums, key = more if units > 0 else less, (line.sku, stored.fulfilment.node)
            sums[key] = sums.get(key, 0) + units
    if more:
        stock.open_positions(tx.connection, sorted(more))
        stock.change_cover(tx.connection, more)
    return less
