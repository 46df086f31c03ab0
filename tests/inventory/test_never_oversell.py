"""Any interleaving of carts, orders, feeds and expiries: nothing is promised that is not there."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from crossdock.inventory.availability import Limits, available_to_promise, oversold_units
from crossdock.inventory.facts import Allocation, deallocate, ship
from crossdock.inventory.feeds import InFlight, apply_feed
from crossdock.inventory.invariants import breaches, ledger_breach, reservation_breach
from crossdock.inventory.position import Movement, Position
from crossdock.inventory.promises import (
    Allocated,
    Claim,
    Refusal,
    Reservation,
    ReservationState,
    Reserved,
    allocate,
    confirm,
    expire,
    extend,
    lapsed_units,
    move,
    release,
    reserve,
)
from tests.inventory.builders import SKU, feed, minute, news

NODES: tuple[str, ...] = ("DC-1", "DC-2")
Outcome = Reserved | Allocated | Refusal


class Stock(RuleBasedStateMachine):
    """Two nodes, a few back-orders allowed, a clock that only goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.keys = 0
        self.positions = {node: Position(SKU, node) for node in NODES}
        self.ledger: list[Movement] = []
        self.reservations: dict[str, Reservation] = {}
        self.allocations: dict[str, Allocation] = {}
        self.shortfall: dict[str, int] = dict.fromkeys(NODES, 0)
        self.limits = Limits(backorder_cap=1)

    def book(self, positions: list[Position], movements: list[Movement]) -> None:
        self.positions |= {position.node: position for position in positions}
        self.ledger += movements

    def book_reserved(self, outcome: Reserved | Refusal) -> None:
        if isinstance(outcome, Reserved):
            self.book(list(outcome.positions), list(outcome.movements))
            self.reservations[outcome.reservation.key] = outcome.reservation

    def new_key(self, kind: str) -> str:
        self.keys += 1
        return f"{kind}-{self.keys}"

    def sweep(self, node: str) -> None:
        for reservation in list(self.reservations.values()):
            if reservation.node == node:
                self.book_reserved(expire(self.positions[node], reservation, minute(self.now), "sweep"))

    def any_reservation(self, index: int) -> Reservation | None:
        known = sorted(self.reservations)
        return self.reservations[known[index % len(known)]] if known else None

    @rule(minutes=st.integers(1, 5))
    def time_passes(self, minutes: int) -> None:
        self.now += minutes

    @rule(node=st.sampled_from(NODES), units=st.integers(0, 8))
    def node_counts(self, node: str, units: int) -> None:
        self.now += 1
        context = feed(self.now)
        result = apply_feed(
            {SKU: self.positions[node]}, [(SKU, units, None)], context, {SKU: InFlight(cover=1)}
        )
        self.book(result.positions, result.movements)
        self.shortfall[node] = sum(short.units for short in result.shortfalls)
        assert self.shortfall[node] == (oversold_units(self.positions[node], 1) if result.movements else 0)
        self.shortfall[node] = oversold_units(self.positions[node], 1)

    @rule(node=st.sampled_from(NODES), units=st.integers(1, 4), minutes=st.integers(1, 6))
    def cart_reserves(self, node: str, units: int, minutes: int) -> None:
        self.sweep(node)
        wanted = Reservation(self.new_key("cart"), SKU, node, units, minute(self.now + minutes))
        self.book_reserved(
            reserve(self.positions[node], wanted, minute(self.now), "shop", limits=self.limits)
        )

    @rule(node=st.sampled_from(NODES), units=st.integers(1, 4), twice=st.booleans())
    def order_allocates(self, node: str, units: int, twice: bool) -> None:
        self.sweep(node)
        claim = Claim(self.new_key("FO"), SKU, node, units)
        for _ in range(2 if twice else 1):
            key = (SKU, node)
            done = allocate(
                {key: self.positions[node]},
                [claim],
                minute(self.now),
                "hub",
                limits={key: self.limits},
                existing=self.allocations,
            )
            if isinstance(done, Allocated):
                self.book(list(done.positions.values()), list(done.movements))
                self.allocations |= {made.key: made for made in done.allocations}

    @rule(index=st.integers(0, 99), twice=st.booleans())
    def cart_confirms(self, index: int, twice: bool) -> None:
        for _ in range(2 if twice else 1):
            if reservation := self.any_reservation(index):
                done = confirm(self.positions[reservation.node], reservation, minute(self.now), "hub")
                self.book_reserved(done)
                if isinstance(done, Reserved) and done.movements:
                    self.allocations[reservation.key] = Allocation(
                        reservation.key, SKU, reservation.node, reservation.quantity
                    )

    @rule(index=st.integers(0, 99), minutes=st.integers(1, 5))
    def cart_extends(self, index: int, minutes: int) -> None:
        if reservation := self.any_reservation(index):
            self.book_reserved(
                extend(
                    self.positions[reservation.node],
                    reservation,
                    minute(self.now + minutes),
                    minute(self.now),
                    "shop",
                )
            )

    @rule(index=st.integers(0, 99), twice=st.booleans())
    def cart_releases(self, index: int, twice: bool) -> None:
        for _ in range(2 if twice else 1):
            if reservation := self.any_reservation(index):
                self.book_reserved(
                    release(self.positions[reservation.node], reservation, minute(self.now), "shop")
                )

    @rule(index=st.integers(0, 99), node=st.sampled_from(NODES))
    def cart_moves(self, index: int, node: str) -> None:
        self.sweep(node)
        if reservation := self.any_reservation(index):
            here = self.positions[reservation.node]
            self.book_reserved(
                move(here, self.positions[node], reservation, minute(self.now), "hub", limits=self.limits)
            )

    @rule(index=st.integers(0, 99), units=st.integers(1, 4), left=st.booleans())
    def node_ships_or_drops(self, index: int, units: int, left: bool) -> None:
        self.now += 1
        open_keys = sorted(key for key, made in self.allocations.items() if made.quantity)
        if not open_keys:
            return
        made = self.allocations[open_keys[index % len(open_keys)]]
        how = ship if left else deallocate
        done = how(self.positions[made.node], made, min(units, made.quantity), news(self.now))
        self.book([done.position], [done.movement])
        self.allocations[made.key] = done.allocation

    @invariant()
    def nothing_is_promised_twice(self) -> None:
        for node, position in self.positions.items():
            assert breaches(position, cover=1, open_shortfall=self.shortfall[node]) == []

    @invariant()
    def the_books_agree(self) -> None:
        for node, position in self.positions.items():
            assert ledger_breach(position, (each for each in self.ledger if each.node == node)) is None
            mine = [each for each in self.reservations.values() if each.node == node]
            assert reservation_breach(position, mine, minute(self.now)) is None
            allocated = sum(made.quantity for made in self.allocations.values() if made.node == node)
            assert position.allocated == allocated

    @invariant()
    def lapsed_units_are_free(self) -> None:
        for node, position in self.positions.items():
            lapsed = lapsed_units(self.reservations.values(), minute(self.now)).get((SKU, node), 0)
            active = sum(
                each.quantity
                for each in self.reservations.values()
                if each.node == node
                and each.state is ReservationState.ACTIVE
                and each.expires_at > minute(self.now)
            )
            assert position.reserved - lapsed == active
            free = position.on_hand - active - position.allocated
            assert available_to_promise(position, lapsed=lapsed) == max(0, free)

    def teardown(self) -> None:
        """Whatever was planned: when all of it is given back, the stock is as if nothing had been."""
        self.now += 99
        for node in NODES:
            self.sweep(node)
            for made in [each for each in self.allocations.values() if each.node == node and each.quantity]:
                done = deallocate(self.positions[node], made, made.quantity, news(self.now))
                self.book([done.position], [done.movement])
            assert self.positions[node].balance == (self.positions[node].on_hand, 0, 0, 0)


TestStock = Stock.TestCase
TestStock.settings = settings(max_examples=100, stateful_step_count=40)
