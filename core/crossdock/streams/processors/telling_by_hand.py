"""What a channel can't be told of an amended order by message: people tell it, and find it in the worklist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crossdock.orders.worklist import Cause
from crossdock.store.order_book import StoredOrder
from crossdock.streams.processors.books import Books

__all__ = ["tell_by_hand", "untold"]


def untold(
    books: Books,
    order: StoredOrder,
    live: Mapping[str, int],
    quantities: Mapping[str, int],
    lines: Sequence[Mapping[str, Any]],
    addresses: Mapping[str, Mapping[str, Any]],
) -> tuple[str, ...]:
    """What of an amendment the channel of ``order`` does not hear of, one sentence each.

    Args:
        live: Units wanted before, by the channel's line.
        quantities, lines, addresses: What is wanted instead, as in ``Amendment``.
    """
    if order.connection not in books.hub.manifests:
        return ()  # it came by the API: there is no partner to tell
    cancels = books.hub.does(order.connection, "order.cancel")
    said = [
        f"line {line}: {units} instead of {live[line]}"
        for line, units in quantities.items()
        if units > live[line] or (units < live[line] and not cancels)
    ]
    said += [f"line {line['external_id']}: {line['quantity']} of {line['sku']} added" for line in lines]
    return (*said, *(f"destination {name}: another address" for name in addresses))


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
