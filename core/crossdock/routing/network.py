"""The network of nodes and carriers, compiled once for each version of the configuration.

A ``Network`` never changes. It remembers what it was asked lately (days of shipping, zones of a destination), which
changes no answer.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Hashable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

import msgspec
import numpy as np
from numpy.typing import NDArray

from crossdock.errors import MisconfiguredError
from crossdock.routing.lanes import Lanes, lanes_of
from crossdock.routing.model import Capacity, Demand, Destination, Money, Node, NodeStatus, RateCard, Service
from crossdock.routing.schedule import NodeClock
from crossdock.routing.sphere import distance_km, unit_vector
from crossdock.routing.tariff import Floats, Tariff, thousandths
from crossdock.routing.timetable import Timetable, timetable

__all__ = ["UNLIMITED", "Network", "Reach"]

UNLIMITED = 2**31 - 1
"""Capacity of a node without limit."""

_REMEMBERED_DESTINATIONS = 1024
_REMEMBERED_LANES = 2**21
_CANONICAL = msgspec.json.Encoder(order="deterministic")
_EVERY_DAY = tuple(range(7))
_WITHOUT_LIMIT = Capacity()
_PICK_UP = Service("", "", "", (0,), pick_up_days=_EVERY_DAY, delivery_days=_EVERY_DAY, levels=())
"""The customer's own way: handed over on the day the node is ready, free of freight."""


class Reach:
    """What a destination is to every node.

    Attributes:
        zones: Zone of each node, flat, by chart of the network and node; one beyond the last where there is none.
    """

    __slots__ = ("_distance_km", "_minus_cosines", "zones")

    def __init__(self, minus_cosines: Floats, zones: NDArray[np.intp]) -> None:
        """Keep what was measured."""
        self.zones = zones
        self._minus_cosines = minus_cosines
        self._distance_km: Floats | None = None

    @property
    def distance_km(self) -> Floats:
        """Great-circle distance of every node, shape (nodes,)."""
        if self._distance_km is None:
            self._distance_km = distance_km(self._minus_cosines)
        return self._distance_km


class Network:
    """Nodes in the order of their ids, services, tariffs; the order in which they were given does not matter.

    Attributes:
        version: Hash of everything inside: decisions name it, and can be explained by this version only.
        index: Position of each node id in every array over nodes.
        capacity: Orders, lines and units a day, shape (3, nodes); ``UNLIMITED`` where there is no limit.
        limited: Whether any node has a limit.
        handling: Cost of each shipment, line and unit at each node, in thousandths.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        services: Sequence[Service],
        rate_cards: Sequence[RateCard],
        *,
        currency: str,
        exchange_rates: Mapping[str, Decimal] | None = None,
        version: str = "",
    ) -> None:
        """Compile.

        Args:
            currency: ISO 4217; all costs are compared in it.
            exchange_rates: One unit of another currency in ``currency``.
            version: Of a network that was kept: the hash of its content when it decided, which a later program may
                compute otherwise. By default the hash is computed.

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
        self.version = version or hashlib.blake2b(_CANONICAL.encode(content), digest_size=8).hexdigest()
        self._compile_arrays()
        self._timetable: Timetable | None = None
        self._reaches: dict[Destination, Reach] = {}
        self._lanes: dict[Hashable, Lanes] = {}

    def _compile_arrays(self) -> None:
        vectors = [unit_vector(node.position) for node in self.nodes]
        self._minus_vectors = -np.array(vectors, dtype=np.float64).reshape(self.size, 3)
        self._origins = [node.address for node in self.nodes]
        self.active = np.array([node.status is NodeStatus.ACTIVE for node in self.nodes], dtype=bool)
        costs = [node.handling_cost for node in self.nodes]
        self.handling = [
            (thousandths(c.per_shipment), thousandths(c.per_line), thousandths(c.per_unit)) for c in costs
        ]
        self.handling_parts: Floats = np.array(self.handling, dtype=np.float64).reshape(self.size, 3).T.copy()
        self.highest_handling: list[float] = self.handling_parts.max(axis=1, initial=0.0).tolist()
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
        self._limited = [node for node in self.nodes if node.capacity != _WITHOUT_LIMIT]
        self._limited_clocks = {node.time_zone: self.clocks[self.index[node.id]] for node in self._limited}
        self._handles: dict[str, NDArray[np.bool_]] = {}
        self.priority = np.array([node.priority for node in self.nodes], dtype=np.float64)
        self._compile_services()

    def _compile_services(self) -> None:
        """Services and, last, the pick-up, each with its tariff and the nodes that offer it."""
        self._zones = max((tariff.zones for tariff in self.tariffs), default=0) + 1
        free = Tariff(RateCard("", self.currency, (2**53,), ((Decimal(0),),) * self._zones), Decimal(1))
        tariffs = (*self.tariffs, free)
        charts = {tariff.chart: tariff for tariff in self.tariffs or (free,)}
        places = {chart: row for row, chart in enumerate(charts)}
        self._charts = tuple(charts.values())
        # The pick-up is free in every zone, so any chart will do.
        self._chart_of = np.array([places.get(tariff.chart, 0) for tariff in tariffs], dtype=np.intp)
        self._offers = []
        for number, (service, tariff) in enumerate(zip((*self.services, _PICK_UP), tariffs, strict=True)):
            offered = [service is _PICK_UP or service.id in node.services for node in self.nodes]
            self._offers.append((number, service, tariff, np.array(offered, dtype=bool)))
        self._by_country = any(service.countries for service in self.services)
        self._bounds: dict[tuple[int, float], float] = {}
        for tariff in self.tariffs:
            key = (tariff.breaks[-1], tariff.divisor or math.inf)
            self._bounds[key] = max(tariff.dearest_parcel, self._bounds.get(key, 0.0))

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

    def days(self, now: datetime) -> dict[str, date]:
        """The day that it is, by its own clock, at each node that takes only so much a day."""
        today = {zone: clock.day(now) for zone, clock in self._limited_clocks.items()}
        return {node.id: today[node.time_zone] for node in self._limited}

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
        minus_cosines = self._minus_vectors @ np.array(unit_vector(destination.position))
        zones = [chart.zone_of(minus_cosines, self._origins, destination.address) for chart in self._charts]
        return Reach(minus_cosines, zones[0] if len(zones) == 1 else np.concatenate(zones))

    def lanes(self, passed: NDArray[np.bool_], demand: Demand) -> Lanes:
        """The lanes of ``demand`` from the nodes that ``passed``, shape (nodes,)."""
        country = demand.destination.address.country if self._by_country else ""
        key = (passed.tobytes(), country, demand.service_level, demand.pick_up)
        found = self._lanes.get(key)
        if found is None:
            offers = [
                (number, service, tariff, offered & passed)
                for number, service, tariff, offered in self._offers
                if _serves(service, demand)
            ]
            found = lanes_of(offers, self._chart_of, self.size, self._zones)
            if len(self._lanes) * self.size * len(self._offers) >= _REMEMBERED_LANES:
                self._lanes.clear()
            self._lanes[key] = found
        return found

    def freight_bound(self, weight_grams: float, volume_cm3: float, shipments: int) -> float:
        """More than the freight of so much in up to so many shipments can be, in thousandths."""
        most = 0.0
        for (heaviest, divisor), dearest_parcel in self._bounds.items():
            billed = max(weight_grams, volume_cm3 * 1000.0 / divisor)
            most = max(most, (billed // heaviest + 1 + shipments) * dearest_parcel)
        return most

    def timetable(self, now: datetime) -> Timetable:
        """When each node ships and each service delivers an order that arrives at ``now`` (aware)."""
        known = self._timetable
        if known is None or not known.since <= now <= known.until:
            services = [(service, tariff.zones) for _, service, tariff, _ in self._offers]
            known = self._timetable = timetable(self.clocks, services, self._zones, now)
        return known


def _serves(service: Service, demand: Demand) -> bool:
    """Whether ``service`` is of the kind that ``demand`` asks for, and goes to its country."""
    if demand.pick_up or service is _PICK_UP:
        return demand.pick_up and service is _PICK_UP
    if demand.service_level and demand.service_level not in service.levels:
        return False
    return not service.countries or demand.destination.address.country in service.countries
