"""A channel sends an order somewhere else than before: what no node was asked for follows, of the rest people hear."""

from __future__ import annotations

from collections.abc import Iterable

from crossdock.orders.cancelling import call_back
from crossdock.orders.effects import Reroute
from crossdock.orders.fulfilment import FulfilmentChange
from crossdock.orders.worklist import Cause
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.documents import NOTHING, NULL, DestinationDocument, Part, read
from crossdock.streams.processors.happenings import Occurrence

__all__ = ["readdress"]


class _Label(Part, frozen=True):
    """``Address``, as far as a parcel's label has it; how to call the buyer may change."""

    country: str
    name: str | None = None
    company: str | None = None
    lines: tuple[str, ...] = ()
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None


def readdress(
    books: Books,
    order_id: str,
    before: Iterable[DestinationDocument],
    after: Iterable[DestinationDocument],
    occurrence: Occurrence,
) -> None:
    """Have fulfilment orders follow their destinations, as they were ``before`` and are ``after``.

    What no node was asked for is taken back where the place is another one; the caller places it anew. With the same
    place the new address goes out with the fulfilment order. A node that was asked has the old address: a work item.
    Destinations that the channel does not name any more move nobody: it may call the same place otherwise.
    """
    now = {each.id: each for each in after}
    moved = {each.id: each for each in before if each.id in now and _where(each) != _where(now[each.id])}
    for stored in books.of_order(order_id):
        old = moved.get(stored.destination or "")
        if old is None or not stored.fulfilment.open:
            continue
        new = now[old.id]
        if stored.fulfilment.requested:
            books.raise_work(
                Cause.TELL_BY_HAND,
                f"fulfilment_order:{stored.id}",
                f"{books.orders[order_id].connection} sends {stored.id} somewhere else now, and node "
                f"{stored.fulfilment.node} has the old address",
                fix="Tell the node the new address, or take the fulfilment order from it: it is routed anew.",
            )
        elif (old.kind, old.location, old.place) != (new.kind, new.location, new.place):
            change = call_back(stored.fulfilment, books.orders[order_id].quantities)
            kept = tuple(effect for effect in change.effects if not isinstance(effect, Reroute))
            books.apply(stored, FulfilmentChange(change.fulfilment, change.quantities, kept), occurrence)


def _where(destination: DestinationDocument) -> tuple[object, ...]:
    known = destination.address not in (NOTHING, NULL)
    label = read(bytes(destination.address), _Label) if known else None
    return destination.kind, destination.location, label
