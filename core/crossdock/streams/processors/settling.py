"""Which work items are over because what they waited for has happened. People close all others.

| cause | subject | over when |
|---|---|---|
| constraint_unmet, data_invalid | order | every unit of it is at a node or cancelled |
| constraint_unmet, upstream_lag | fulfilment order | the node has answered, or the fulfilment order is called off |
| tell_by_hand | fulfilment order | it is refused or called off: nobody needs to tell the node anything |
| partner_refused | shipment | every parcel is delivered after all (``tracking``) |
| inventory_conflict | feed | a later full feed of the node is applied (processor ``stock``) |
| data_invalid | dead letter | it is replayed or discarded (``store.dead_letters``) |
| upstream_lag | connection | it works again (``edges.health``) |
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy import Connection

from crossdock.orders.life_cycles import FulfilmentState
from crossdock.orders.worklist import Cause
from crossdock.store.fulfilments import StoredFulfilment
from crossdock.store.order_book import StoredOrder
from crossdock.store.worklist import Settlement, settle_causes

__all__ = ["Settlements"]

_UNANSWERED = frozenset(
    {
        FulfilmentState.OPEN,
        FulfilmentState.SCHEDULED,
        FulfilmentState.ON_HOLD,
        FulfilmentState.REQUESTED,
        FulfilmentState.CANCEL_REQUESTED,
    }
)


_OFF = frozenset({FulfilmentState.REJECTED, FulfilmentState.CANCELLED})


class Settlements:
    """The work items that are over at the end of one transaction."""

    def __init__(self) -> None:
        """Begin with none."""
        self._in_doubt: set[str] = set()
        self._over: list[Settlement] = []

    def loaded(self, orders: Iterable[StoredOrder]) -> None:
        """Note the orders that have something to settle: those with a reason why they were not placed."""
        self._in_doubt |= {order.id for order in orders if order.reason}

    def add(self, cause: Cause, subject: str, resolution: str) -> None:
        """What the item of ``cause`` and ``subject`` waited for has happened."""
        self._over.append(Settlement(cause, subject, resolution))

    def write(
        self,
        connection: Connection,
        orders: Iterable[StoredOrder],
        fulfilments: Iterable[StoredFulfilment],
        now: datetime,
    ) -> None:
        """Close what was added, and what is over for the changed ``orders`` and ``fulfilments``."""
        changed = [order for order in orders if order.id in self._in_doubt]
        settle_causes(connection, [*self._over, *_placed(changed), *_answered(fulfilments)], now)


def _placed(orders: Iterable[StoredOrder]) -> Iterator[Settlement]:
    """What is over for ``orders`` of which no unit waits for a node any more."""
    for order in orders:
        if not any(line.quantities.unallocated for line in order.lines):
            for cause in (Cause.CONSTRAINT_UNMET, Cause.DATA_INVALID):
                yield Settlement(cause, f"order:{order.id}", "every unit is placed or cancelled")


def _answered(fulfilments: Iterable[StoredFulfilment]) -> Iterator[Settlement]:
    """What is over for ``fulfilments`` that wait for no answer of their node any more."""
    for stored in fulfilments:
        state = stored.fulfilment.state
        if state not in _UNANSWERED:
            for cause in (Cause.CONSTRAINT_UNMET, Cause.UPSTREAM_LAG):
                yield Settlement(cause, f"fulfilment_order:{stored.id}", f"it is {state}")
        if state in _OFF:
            yield Settlement(Cause.TELL_BY_HAND, f"fulfilment_order:{stored.id}", f"it is {state}")
