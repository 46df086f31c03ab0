"""What a channel can't be told of an amended order by message: people tell it, and find it in the worklist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crossdock.orders.worklist import Cause
from crossdock.store.order_book import StoredOrder
from crossdock.streams.processors.books import Books

__all__ = ["tell_by_hand", "untold_less", "untold_more"]


def untold_less(
    books: Books, order: StoredOrder, live: Mapping[str, int], quantities: Mapping[str, int]
) -> tuple[str, ...]:
    """What of an amendment the channel does not hear of because it takes no cancellations, one sentence each. When the
    units are cancelled, which a node may refuse, that is a work item (``Books``).

    Args:
        live: Units wanted before, by the channel's line.
        quantities: Units that are wanted instead.
    """
    if not _is_partner(books, order) or books.hub.does(order.connection, "order.cancel"):
        return ()
    less = {line: units for line, units in quantities.items() if units < live[line]}
    return tuple([f"line {line}: {units} instead of {live[line]}" for line, units in less.items()])


def untold_more(
    books: Books,
    order: StoredOrder,
    live: Mapping[str, int],
    quantities: Mapping[str, int],
    lines: Sequence[Mapping[str, Any]],
    addresses: Mapping[str, Mapping[str, Any]],
) -> tuple[str, ...]:
    """What of an amendment no channel hears of, one sentence each.

    Args:
        live: Units wanted before, by the channel's line.
        quantities, lines, addresses: What is wanted instead, as in ``Amendment``.
    """
    if not _is_partner(books, order):
        return ()
    more = {line: units for line, units in quantities.items() if units > live[line]}
    said = [f"line {line}: {units} instead of {live[line]}" for line, units in more.items()]
    said += [f"line {line['external_id']}: {line['quantity']} of {line['sku']} added" for line in lines]
    return (*said, *(f"destination {name}: another address" for name in addresses))


def _is_partner(books: Books, order: StoredOrder) -> bool:
    """Whether there is anybody to tell: not of an order that came by the API."""
    return order.connection in books.hub.manifests


def tell_by_hand(books: Books, order: StoredOrder, untold: Sequence[str], cause: str) -> None:
    """Open a work item for what the channel has to be told by people."""
    if untold:
        books.raise_work(
            Cause.TELL_BY_HAND,
            f"amendment:{order.id}:{cause}",
            f"{order.connection} takes no such change of order {order.number or order.external_id} by message: "
            f"{'; '.join(untold)}",
            order_id=order.id,
        )
