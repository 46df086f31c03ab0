"""A node that knows the truth, tells it faithfully, and a hub that hears it late, twice and in any order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from crossdock.inventory.facts import (
    Allocation,
    Change,
    acknowledge,
    adjust,
    deallocate,
    quarantine,
    receive,
    ship,
)
from crossdock.inventory.feeds import InFlight, apply_feed, netted_units
from crossdock.inventory.position import Movement, MovementKind, Position, post
from crossdock_schemas.stock import FeedMeaning
from tests.inventory.builders import NODE, SKU, feed, minute, news


@dataclass
class Hub:
    """One position with its ledger and allocations, kept as the store keeps them."""

    position: Position = field(default_factory=lambda: Position(SKU, NODE))
    ledger: list[Movement] = field(default_factory=list)
    allocations: dict[str, Allocation] = field(default_factory=dict)
    settled: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def allocate(self, key: str, units: int, now: int) -> None:
        movement = Movement(SKU, NODE, MovementKind.ALLOCATED, 0, 0, units, 0, minute(now), "hub", key)
        self.position = post(self.position, movement)
        self.ledger.append(movement)
        self.allocations[key] = Allocation(key, SKU, NODE, units)
        self.settled[key] = []

    def book(self, change: Change) -> None:
        self.position = change.position
        self.ledger.append(change.movement)

    def acknowledge(self, key: str, now: int) -> None:
        settled = [(units, minute(until)) for units, until in self.settled[key]]
        done = acknowledge(self.position, self.allocations[key], news(now, key), settled)
        self.book(Change(done.position, done.movement))
        self.allocations[key] = done.allocation

    def settle(self, key: str, units: int, now: int, *, shipped: bool) -> None:
        how = ship if shipped else deallocate
        done = how(self.position, self.allocations[key], units, news(now, key))
        self.book(Change(done.position, done.movement))
        self.allocations[key] = done.allocation
        self.settled[key].append((units, now))

    def count(self, number: int, meaning: FeedMeaning, now: int) -> None:
        later = [
            each for each in self.ledger if each.as_of > minute(now) and each.kind is not MovementKind.COUNTED
        ]
        parts = [(allocation, None) for allocation in self.allocations.values()] + [
            (replace(self.allocations[key], quantity=units), minute(until))
            for key, settled in self.settled.items()
            for units, until in settled
        ]
        in_flight = InFlight(
            sum(each.on_hand for each in later),
            sum(each.quarantined for each in later),
            netted_units(parts, minute(now)).get(SKU, 0),
        )
        result = apply_feed(
            {SKU: self.position}, [(SKU, number, None)], feed(now, meaning=meaning), {SKU: in_flight}
        )
        assert not result.rejected
        self.ledger += result.movements
        for position in result.positions:
            self.position = position


@dataclass
class Order:
    """Units the node was asked for; ``known`` once it has read the order."""

    units: int
    known: bool = False


@dataclass
class Node:
    """What truly happens, one thing a minute; each leaves a message for the hub."""

    physical: int
    quarantined: int = 0
    now: int = 0
    orders: dict[str, Order] = field(default_factory=dict)
    messages: list[Callable[[Hub], None]] = field(default_factory=list)
    counts: list[Callable[[Hub], None]] = field(default_factory=list)

    @property
    def allocated(self) -> int:
        return sum(order.units for order in self.orders.values())

    def act(self, kind: str, units: int) -> None:
        self.now += 1
        getattr(self, f"_{kind}")(units, self.now)

    def order(self, hub: Hub, units: int) -> None:
        self.now += 1
        key = f"FO-{self.now}"
        self.orders[key] = Order(units)
        hub.allocate(key, units, self.now)

    def _read(self, _: int, now: int) -> None:
        for key, order in self.orders.items():
            if not order.known:
                order.known = True
                self.messages.append(lambda hub, key=key: hub.acknowledge(key, now))  # type: ignore[misc]

    def _ship(self, units: int, now: int) -> None:
        self._settle(min(units, self.physical), now, shipped=True)

    def _drop(self, units: int, now: int) -> None:
        self._settle(units, now, shipped=False)

    def _settle(self, units: int, now: int, *, shipped: bool) -> None:
        open_orders = [key for key, order in self.orders.items() if order.known and order.units]
        if not open_orders or not units:
            return
        key = open_orders[units % len(open_orders)]
        done = min(units, self.orders[key].units)
        self.orders[key].units -= done
        self.physical -= done if shipped else 0
        self.messages.append(lambda hub: hub.settle(key, done, now, shipped=shipped))

    def _receive(self, units: int, now: int) -> None:
        self.physical += units
        self.messages.append(lambda hub: hub.book(receive(hub.position, units, news(now, f"asn-{now}"))))

    def _lose(self, units: int, now: int) -> None:
        lost = min(units, self.physical)
        self.physical -= lost
        self.messages.append(lambda hub: hub.book(adjust(hub.position, -lost, news(now, f"947-{now}"))))

    def _quarantine(self, units: int, now: int) -> None:
        self.quarantined += units
        self.messages.append(lambda hub: hub.book(quarantine(hub.position, units, news(now, f"q-{now}"))))

    def _count_physical(self, _: int, now: int) -> None:
        self._count(self.physical, FeedMeaning.PHYSICAL, now)

    def _count_available(self, _: int, now: int) -> None:
        known = sum(order.units for order in self.orders.values() if order.known)
        self._count(self.physical - self.quarantined - known, FeedMeaning.AVAILABLE, now)

    def _count(self, number: int, meaning: FeedMeaning, now: int) -> None:
        self.counts.append(lambda hub: hub.count(number, meaning, now))
        self.messages.append(self.counts[-1])
