"""When each node ships by each service, and when it arrives: known for all orders between two instants."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from datetime import datetime

import numpy as np
from msgspec import Struct, field

from crossdock.routing.model import Service
from crossdock.routing.schedule import NEVER, NodeClock, delivery_ordinal
from crossdock.routing.tariff import Floats

__all__ = ["Timetable", "timetable"]


class Timetable(Struct, frozen=True, eq=False):
    """Days of shipping and delivery for orders that arrive between two instants (both inclusive).

    Attributes:
        ship: Ordinal day of collection at each node, one list a service.
        delivery: Ordinal day of delivery, shape (services, nodes, zones); a day that never comes is infinite, and so is
            the day in a zone that the service does not know.
        costs: What an order with the same terms pays for a shipment by each service, from each node, into each zone,
            as it was computed before.
    """

    since: datetime
    until: datetime
    ship: tuple[list[int], ...]
    delivery: Floats
    costs: dict[Hashable, Floats] = field(default_factory=dict)


def timetable(
    clocks: Sequence[NodeClock], services: Sequence[tuple[Service, int]], zones: int, now: datetime
) -> Timetable:
    """The timetable of an order that arrives at ``now`` (aware).

    Args:
        clocks: Of each node.
        services: With the number of zones each knows.
        zones: Number of zones in ``Timetable.delivery``.
    """
    readiness = [clock.readiness(now) for clock in clocks]
    ships: list[list[int]] = []
    delivery = np.full((len(services), len(clocks), zones), np.inf)
    for row, (service, known) in enumerate(services):
        days = service.transit_days * known if len(service.transit_days) == 1 else service.transit_days
        arrivals: dict[int, list[float]] = {}
        ship = [
            clock.collection_ordinal(ready.ready_at, service)
            for clock, ready in zip(clocks, readiness, strict=True)
        ]
        for day in set(ship):
            arrivals[day] = [_arrival(day, transit, service) for transit in days]
        if ship:
            delivery[row, :, :known] = [arrivals[day] for day in ship]
        ships.append(ship)
    return Timetable(
        since=now,
        until=min((ready.valid_until for ready in readiness), default=now),
        ship=tuple(ships),
        delivery=delivery,
    )


def _arrival(day: int, transit_days: int, service: Service) -> float:
    arrival = delivery_ordinal(day, transit_days, service)
    return arrival if arrival < NEVER else math.inf
