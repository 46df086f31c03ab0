"""The network of nodes and carriers, compiled once for each version of the configuration.

A ``Network`` never changes. It remembers what it was asked lately (days of shipping, zones of a destination), which
changes no answer.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import msgspec
import numpy as np
from numpy.typing import NDArray

from crossdock.errors import MisconfiguredError
from crossdock.routing.model import Destination, Money, Node, NodeStatus, RateCard, Service
from crossdock.routing.schedule import NEVER, NodeClock, delivery_ordinal
from crossdock.routing.tariff import Floats, Tariff, thousandths

__all__ = ["EARTH_RADIUS_KM", "UNLIMITED", "Network", "Reach", "Timetable"]

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the earth (IUGG)."""

UNLIMITED = 2**31 - 1
"""Capacity of a node without limit."""

_REMEMBERED_DESTINATIONS = 4096
_CANONICAL = msgspec.json.Encoder(order="deterministic")


@dataclass(frozen=True, slots=True)
class Timetable:
    """Days of shipping and delivery for orders that arrive between two instants (both inclusive).

    Attributes:
        ready: Ordinal day on which each node is ready, shape (nodes,): the day of a pick-up.
        ship: Ordinal day of collection, one array of shape (nodes,) a service.
        delivery: Ordinal day of delivery by zone, one flat array of (zones + 1) times nodes a service; the last row,
            zone -1, is infinite. A day that never comes is infinite.
        all_open: Whether every node ships by every service at all.
    """

    since: datetime
    until: datetime
    ready: Floats
    ship: tuple[Floats, ...]
    delivery: tuple[Floats, ...]
    all_open: bool


@dataclass(frozen=True, slots=True)
class Reach:
    """What a destination is to every node.

    Attributes:
        zones: Zone of each node, one array of shape (nodes,) a service; -1 where the service does not go.
        cells: The same as flat index into ``Timetable.delivery``.
    """

    distance_km: Floats
    zones: tuple[NDArray[np.intp], ...]
    cells: tuple[NDArray[np.intp], ...]


class Network:
    """Nodes in the order of their ids, services, tariffs; the order in which they were given does not matter.

    Attributes:
        version: Hash of everything inside: decisions name it, and can be explained by this version only.
        index: Position of each node id in every array over nodes.
        capacity: Orders, lines and units a day, shape (3, nodes); ``UNLIMITED`` where there is no limit.
        limited: Whether any node has a limit.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        services: Sequence[Service],
        rate_cards: Sequence[RateCard],
        *,
        currency: str,
        exchange_rates: Mapping[str, Decimal] | None = None,
    ) -> None:
        """Compile.

        Args:
            currency: ISO 4217; all costs are compared in it.
            exchange_rates: One unit of another currency in ``currency``.

        Raises:
            MisconfiguredError: something refers to what is not there or a table is not well formed.
        """
        self.nodes: tuple[Node, ...] = tuple(sorted(nodes, key=lambda node: node.id))
        self.services: tuple[Service, ...] = tuple(sorted(services, key=lambda service: service.id))
        self.service_by_id = {service.id: service for service in self.services}
        self.currency = currency
        self.exchange_rates = {currency: Decimal(1), **(exchange_rates or {})}
        self.index = {node.id: position for position, node in enumerate(self.nodes)}
        self.size = len(self.nodes)
        cards = {card.id: card for card in rate_cards}
        self._check(cards)
        self.tariffs = tuple(self._tariff(cards[service.rate_card]) for service in self.services)
        self.clocks = tuple(NodeClock(node) for node in self.nodes)
        content = (
            self.nodes,
            self.services,
            [cards[key] for key in sorted(cards)],
            currency,
            self.exchange_rates,
        )
        self.version = hashlib.blake2b(_CANONICAL.encode(content), digest_size=8).hexdigest()
        self._compile_arrays()
        self._timetable: Timetable | None = None
        self._reaches: dict[Destination, Reach] = {}

    def _compile_arrays(self) -> None:
        latitude = np.radians([node.position.latitude for node in self.nodes])
        longitude = np.radians([node.position.longitude for node in self.nodes])
        self._unit_vectors = np.stack(
            [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)],
            axis=1,
        )
        self._origins = [node.address for node in self.nodes]
        self.positions = np.arange(self.size)
        self.active = np.array([node.status is NodeStatus.ACTIVE for node in self.nodes], dtype=bool)
        self.offers = tuple(
            np.array([service.id in node.services for node in self.nodes], dtype=bool)
            for service in self.services
        )
        self.handling_per_shipment, self.handling_per_line, self.handling_per_unit = (
            np.array(
                [thousandths(getattr(node.handling_cost, part)) for node in self.nodes], dtype=np.float64
            )
            for part in ("per_shipment", "per_line", "per_unit")
        )
        self.handles_by_line = bool(self.handling_per_line.any() or self.handling_per_unit.any())
        self.highest_handling = tuple(
            float(part.max(initial=0.0))
            for part in (self.handling_per_shipment, self.handling_per_line, self.handling_per_unit)
        )
        self.handling = [
            (int(a), int(b), int(c))
            for a, b, c in zip(
                self.handling_per_shipment, self.handling_per_line, self.handling_per_unit, strict=True
            )
        ]
        self.daily_orders = np.array(
            [max(node.capacity.orders or 1, 1) for node in self.nodes], dtype=np.float64
        )
        limits = [(node.capacity.orders, node.capacity.lines, node.capacity.units) for node in self.nodes]
        self.capacity = (
            np.array(
                [[UNLIMITED if limit is None else limit for limit in row] for row in limits], dtype=np.int32
            )
            .reshape(self.size, 3)
            .T.copy()
        )
        self.limited = bool((self.capacity != UNLIMITED).any())
        self._handles: dict[str, NDArray[np.bool_]] = {}
        self.priority = np.array([node.priority for node in self.nodes], dtype=np.float64)
        self.transit = tuple(self._transit(s, t) for s, t in zip(self.services, self.tariffs, strict=True))

    @staticmethod
    def _transit(service: Service, tariff: Tariff) -> tuple[int, ...]:
        if len(service.transit_days) == 1:
            return service.transit_days * tariff.zones
        return service.transit_days

    def _tariff(self, card: RateCard) -> Tariff:
        try:
            return Tariff(card, self.exchange_rates[card.currency])
        except KeyError as error:
            raise MisconfiguredError(
                f"rate card {card.id!r} is in {card.currency}: give its exchange rate to {self.currency}",
                path=f"rate_cards.{card.id}.currency",
            ) from error
        except ValueError as error:
            raise MisconfiguredError(str(error), path=f"rate_cards.{card.id}") from error

    def _check(self, cards: Mapping[str, RateCard]) -> None:
        if len(self.index) != len(self.nodes):
            raise MisconfiguredError("two nodes have the same id: node ids must differ", path="nodes")
        names = {service.id for service in self.services}
        for service in self.services:
            path = f"services.{service.id}"
            card = cards.get(service.rate_card)
            if card is None:
                known = ", ".join(sorted(cards)) or "none"
                raise MisconfiguredError(
                    f"unknown rate card {service.rate_card!r}; known: {known}", path=path
                )
            if len(service.transit_days) not in (1, len(card.rates)):
                raise MisconfiguredError(
                    f"transit_days has {len(service.transit_days)} values, rate card {card.id!r} "
                    f"has {len(card.rates)} zones: give one value, or one for each zone",
                    path=f"{path}.transit_days",
                )
        for node in self.nodes:
            for service_id in node.services:
                if service_id not in names:
                    known = ", ".join(sorted(names)) or "none"
                    raise MisconfiguredError(
                        f"unknown service {service_id!r}; known: {known}", path=f"nodes.{node.id}.services"
                    )
            for hours in node.calendar.opening_hours:
                if hours.opens >= hours.closes:
                    raise MisconfiguredError(
                        f"weekday {hours.weekday} closes at {hours.closes}, before it opens at {hours.opens}",
                        path=f"nodes.{node.id}.calendar",
                    )

    def handles(self, restriction: str) -> NDArray[np.bool_]:
        """Which nodes may handle products with ``restriction``, shape (nodes,)."""
        known = self._handles.get(restriction)
        if known is None:
            known = np.array([restriction in node.handles for node in self.nodes], dtype=bool)
            self._handles[restriction] = known
        return known

    def converted(self, money: Money) -> Decimal:
        """``money`` in the currency of the network.

        Raises:
            MisconfiguredError: no exchange rate is known.
        """
        rate = self.exchange_rates.get(money.currency)
        if rate is None:
            raise MisconfiguredError(
                f"no exchange rate from {money.currency} to {self.currency}: add one to the network",
                path=f"exchange_rates.{money.currency}",
            )
        return money.amount * rate

    def distance_km(self, destination: Destination) -> Floats:
        """Great-circle distance of every node to ``destination``, shape (nodes,)."""
        latitude = math.radians(destination.position.latitude)
        longitude = math.radians(destination.position.longitude)
        vector = np.array(
            (
                math.cos(latitude) * math.cos(longitude),
                math.cos(latitude) * math.sin(longitude),
                math.sin(latitude),
            )
        )
        cosine: Floats = self._unit_vectors @ vector
        return np.arccos(np.minimum(np.maximum(cosine, -1.0), 1.0)) * EARTH_RADIUS_KM

    def reach(self, destination: Destination) -> Reach:
        """Distance and zones of ``destination`` from every node."""
        found = self._reaches.get(destination)
        if found is None:
            found = self._measure(destination)
            if len(self._reaches) >= _REMEMBERED_DESTINATIONS:
                self._reaches.clear()
            self._reaches[destination] = found
        return found

    def _measure(self, destination: Destination) -> Reach:
        distance = self.distance_km(destination)
        zones, cells = [], []
        charts: dict[Hashable, NDArray[np.intp]] = {}
        for service, tariff, offered in zip(self.services, self.tariffs, self.offers, strict=True):
            if service.countries and destination.address.country not in service.countries:
                zone = np.full(self.size, -1, dtype=np.intp)
            else:
                if tariff.chart not in charts:
                    charts[tariff.chart] = tariff.zone_of(distance, self._origins, destination.address)
                zone = charts[tariff.chart]
                if not offered.all():
                    zone = np.where(offered, zone, -1)
            zones.append(zone)
            cells.append((zone % (tariff.zones + 1)) * self.size + self.positions)
        return Reach(distance, tuple(zones), tuple(cells))

    def timetable(self, now: datetime) -> Timetable:
        """When each node ships and each service delivers an order that arrives at ``now`` (aware)."""
        known = self._timetable
        if known is not None and known.since <= now <= known.until:
            return known
        readiness = [clock.readiness(now) for clock in self.clocks]
        ready = [math.inf if r.ready_at is None else r.ready_at.toordinal() for r in readiness]
        ships, deliveries = [], []
        for service, tariff, days in zip(self.services, self.tariffs, self.transit, strict=True):
            ship = [
                clock.collection_ordinal(r.ready_at, service.pick_up_days)
                for clock, r in zip(self.clocks, readiness, strict=True)
            ]
            table = np.full((tariff.zones + 1, self.size), np.inf)
            arrivals: dict[tuple[int, int], int] = {}
            for zone, transit in enumerate(days):
                for position, day in enumerate(ship):
                    key = (day, transit)
                    if key not in arrivals:
                        arrivals[key] = delivery_ordinal(day, transit, service.delivery_days)
                    table[zone, position] = arrivals[key]
            table[table >= NEVER] = np.inf
            ships.append(np.array(ship, dtype=np.float64))
            deliveries.append(table.ravel())
        until = min((r.valid_until for r in readiness), default=now)
        self._timetable = Timetable(
            now,
            until,
            np.array(ready, dtype=np.float64),
            tuple(ships),
            tuple(deliveries),
            all(bool((ship < NEVER).all()) for ship in ships) and math.inf not in ready,
        )
        return self._timetable
