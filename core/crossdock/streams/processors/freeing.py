"""The capacity that nodes have back at the end of a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from crossdock.orders.fulfilment import Fulfilment, given_back
from crossdock.routing import Network
from crossdock.store.capacity import Used
from crossdock.store.fulfilments import StoredFulfilment

__all__ = ["freed"]


def freed(
    network: Network, before: Mapping[str, Fulfilment], changed: Iterable[StoredFulfilment]
) -> dict[tuple[str, date], Used]:
    """What nodes have not to do after all, by node and the day there that it counted for.

    Args:
        before: The fulfilment orders as they were loaded; one that is missing is new.
        changed: As they are now.
    """
    found: dict[tuple[str, date], Used] = {}
    for stored in changed:
        was = before.get(stored.id)
        now, known = given_back(stored.fulfilment), given_back(was) if was else (0, 0, 0)
        node = stored.fulfilment.node
        if now == known or node not in network.index:
            continue
        key = (node, network.clocks[network.index[node]].day(stored.created_at))
        sums = zip(found.get(key, (0, 0, 0)), now, known, strict=True)
        orders, lines, units = (total + new - old for total, new, old in sums)
        found[key] = (orders, lines, units)
    return found
