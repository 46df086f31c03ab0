"""What the hub can promise for an order on what it has now; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
from msgspec.structs import replace
from sqlalchemy import Connection

from crossdock.routing import Demand, NodeKind, NodeStatus, SupplyView
from crossdock.routing.promising import Offer, Offers, Promises
from crossdock.store import feeds
from crossdock.streams.processors.hub import Hub
from crossdock.trying.deciding import demands_to_try
from crossdock.trying.expected import offer_from_supply
from crossdock.trying.live import of_components, supply_now
from crossdock_schemas.order import Order

__all__ = ["PickUp", "PromisedDestination", "Promiser"]

_ACCURACY_SPAN = timedelta(days=30)
_REMEMBERED = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class PickUp:
    """A store that has the whole order.

    Attributes:
        distance_km: From where the order goes.
    """

    node: str
    name: str
    distance_km: float
    offer: Offer


@dataclass(frozen=True, slots=True)
class PromisedDestination:
    """What can be promised for the lines of one destination.

    Attributes:
        offers: None where routing could not even be asked; ``refused`` says why.
        pick_ups: The nearest first.
    """

    destination: str
    demand: Demand | None
    offers: Offers | None
    pick_ups: tuple[PickUp, ...]
    refused: str


class Promiser:
    """Promises of one hub. Keeps what is dear to compute: the policies as promises need them, how exact counts are."""

    def __init__(self, hub: Hub) -> None:
        """Promise with the network and policies of ``hub``."""
        self._hub = hub
        self._promises = Promises(hub.network, hub.policies)
        self._stores = np.array(
            [node.kind is NodeKind.STORE and node.status is NodeStatus.ACTIVE for node in hub.network.nodes],
            dtype=bool,
        )
        self._accuracy: Mapping[str, Decimal] = {}
        self._accuracy_until: datetime | None = None

    @property
    def currency(self) -> str:
        """Of all costs."""
        return self._hub.network.currency

    def promise(
        self,
        database: Connection,
        connection: str,
        order: Order,
        now: datetime,
        *,
        pick_ups: int = 0,
        earliest: bool = False,
    ) -> list[PromisedDestination]:
        """What can be promised to an order of the channel of ``connection``, and at up to ``pick_ups`` stores.

        With ``earliest`` only the first offer is looked for.

        Lines of several destinations share the stock: each is promised what the earlier ones leave.

        Raises:
            MisconfiguredError: A condition of a policy fails for this order.
        """
        order = of_components(database, order)
        supply, facts = supply_now(self._hub, database, connection, order, now)
        demands, refused = demands_to_try(self._hub, connection, order, facts, now)
        found = []
        for name, demand in demands:
            ask = self._promises.earliest if earliest else self._promises.offers
            offers = ask(demand, supply, now)
            if offers.refused is not None:
                expected = offer_from_supply(self._hub, self._promises, database, demand, offers.refused, now)
                offers = expected or offers
            stores = self._pick_ups(demand, supply, now, pick_ups) if pick_ups else ()
            found.append(PromisedDestination(name, demand, offers, stores, ""))
            if offers.offers and offers.offers[-1].supply_due is None and len(demands) > 1:
                supply.take(offers.offers[-1].decision.assignments)
        return found + [
            PromisedDestination(each.destination, None, None, (), each.reason) for each in refused
        ]

    def _pick_ups(self, demand: Demand, supply: SupplyView, now: datetime, most: int) -> tuple[PickUp, ...]:
        """The nearest stores that have all units of ``demand`` and can hand them over."""
        wanted: dict[str, int] = {}
        for line in demand.lines:
            wanted[line.sku] = wanted.get(line.sku, 0) + line.quantity
        enough = supply.rows(list(wanted)) >= np.array(list(wanted.values()))[:, None]
        distance_km = self._hub.network.reach(demand.destination).distance_km
        able = np.flatnonzero(enough.all(axis=0) & self._stores)
        found: list[PickUp] = []
        for position in able[np.argsort(distance_km[able], kind="stable")].tolist():
            node = self._hub.network.nodes[position]
            here = replace(demand, fixed_node=node.id, pick_up=True)
            offers = self._promises.offers(here, supply, now).offers
            if offers:
                found.append(PickUp(node.id, node.name, round(float(distance_km[position]), 1), offers[0]))
            if len(found) == most:
                break
        return tuple(found)

    def confidence(self, database: Connection, offer: Offer, now: datetime) -> Decimal | None:
        """How sure it is that all lines of an offer are really there: docs/promises.md.

        None if one of its nodes was never counted twice.
        """
        if self._accuracy_until is None or now >= self._accuracy_until:
            self._accuracy = feeds.accuracy_by_node(database, now - _ACCURACY_SPAN, now)
            self._accuracy_until = now + _REMEMBERED
        share = Decimal(1)
        for assignment in offer.decision.assignments:
            accuracy = self._accuracy.get(assignment.node)
            if accuracy is None:
                return None
            share *= accuracy ** len(assignment.lines)
        return share.quantize(Decimal("0.0001"))
