"""Placing orders: route what is unallocated, allocate it, ask the nodes. One snapshot serves a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import groupby
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from crossdock.inventory.feeds import is_stale
from crossdock.inventory.position import Movement, MovementKind, Position
from crossdock.orders.fulfilment import Fulfilment, FulfilmentLine, request
from crossdock.orders.life_cycles import FulfilmentState
from crossdock.orders.worklist import Cause
from crossdock.routing import Assignment, Decision, Demand, SupplyView, route
from crossdock.store import capacity, decision_log, feeds, stock
from crossdock.store.order_book import StoredFulfilment, StoredOrder
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.demand import ProductFacts, Unroutable, demands_of, load_products
from crossdock.streams.processors.documents import OrderDocument
from crossdock.streams.processors.giving_up import give_up, wait
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.outgoing import fulfilment_id, fulfilment_order

__all__ = ["Request", "ask", "place"]

Request = Mapping[str, frozenset[str]]
"""Orders to place, each with the nodes that must not be asked again."""


def place(books: Books, wanted: Request, why: str) -> None:
    """Place the unallocated units of the orders ``wanted``, which must be loaded.

    The orders of one channel are decided one after the other on one snapshot of the stock; each takes what it
    got.
    """
    orders = [books.orders[each] for each in wanted]
    waiting = [order for order in orders if any(line.quantities.unallocated for line in order.lines)]
    for order in orders:
        if order.route_at is not None and order not in waiting:
            books.put_order(replace(order, route_at=None, route_until=None))
    if not waiting:
        return
    skus = {line.sku for order in waiting for line in order.lines if line.quantities.unallocated}
    facts = load_products(books.tx.connection, skus)
    snapshot = _Snapshot(books, sorted(skus), facts)
    by_channel = sorted(waiting, key=lambda order: order.channel)
    for channel, group in groupby(by_channel, key=lambda order: order.channel):
        view = snapshot.view(channel)
        for order in group:
            _place_one(books, order, books.document(order.document), facts, wanted[order.id], view, why)
        snapshot.keep(view)
    snapshot.close()


class _Snapshot:
    """Stock and capacity of the batch; each channel sees it less its safety stock."""

    def __init__(self, books: Books, skus: Sequence[str], facts: Mapping[str, ProductFacts]) -> None:
        self._hub, self._tx, self._skus, self._facts = books.hub, books.tx, skus, facts
        self._rows = stock.available_to_route(self._tx.connection, skus)
        self._limited = self._hub.network.limited
        self._day = self._tx.now.date()
        self._used = capacity.load(self._tx.connection, self._day) if self._limited else {}
        self._stale = _stale_nodes(self._hub, books)
        self._taken: dict[str, tuple[int, int, int]] = {}
        self._units_taken: dict[tuple[str, str], int] = {}
        self._view: _View | None = None

    def view(self, channel: str) -> _View:
        """What ``channel`` may be promised now; without safety stock that is the same for all."""
        if self._view is not None and not self._hub.safety.rules:
            return self._view
        rows = self._rows
        if self._hub.safety.rules:
            rows = [
                (
                    sku,
                    node,
                    units - self._units_taken.get((sku, node), 0) - self._kept(sku, node, on_hand, channel),
                    on_hand,
                )
                for sku, node, units, on_hand in rows
            ]
        supply = SupplyView(
            self._hub.network,
            [(sku, node, units) for sku, node, units, _ in rows],
            used=self._used,
            stale_nodes=self._stale,
            skus=self._skus,
        )
        self._view = _View(supply)
        return self._view

    def _kept(self, sku: str, node_id: str, on_hand: int, channel: str) -> int:
        node = self._hub.nodes.get(node_id)
        if node is None:
            return 0
        product = self._facts.get(sku)
        tags = frozenset((f"sku:{sku}", *(product.restrictions if product else ())))
        position = Position(sku, node_id, on_hand=on_hand)
        return self._hub.safety.kept(position, tags, frozenset((node_id, *node.tags)), channel)

    def keep(self, view: _View) -> None:
        """Take off what the orders of a channel got."""
        for assignment in view.drain():
            units = 0
            for line in assignment.lines:
                key = (line.sku, assignment.node)
                self._units_taken[key] = self._units_taken.get(key, 0) + line.quantity
                units += line.quantity
            for table in (self._taken, self._used):
                sums = table.get(assignment.node, (0, 0, 0))
                table[assignment.node] = _add(sums, (1, len(assignment.lines), units))

    def close(self) -> None:
        """Write down the capacity that was taken."""
        if self._limited:
            capacity.take(self._tx.connection, self._day, self._taken)


class _View:
    """One channel's view, and the plans taken from it."""

    def __init__(self, supply: SupplyView) -> None:
        self.supply = supply
        self._plans: list[Assignment] = []

    def take(self, decision: Decision) -> None:
        self.supply.take(decision.assignments)
        self._plans.extend(decision.assignments)

    def drain(self) -> list[Assignment]:
        """The plans taken since the last time."""
        plans, self._plans = self._plans, []
        return plans


def _add(left: tuple[int, int, int], right: tuple[int, int, int]) -> tuple[int, int, int]:
    return (left[0] + right[0], left[1] + right[1], left[2] + right[2])


def _stale_nodes(hub: Hub, books: Books) -> list[str]:
    limited = {node.id: node.feed.max_age for node in hub.nodes.values() if node.feed.max_age is not None}
    if not limited:
        return []
    counted = feeds.last_count(books.tx.connection, list(limited))
    return [
        node
        for node, max_age in limited.items()
        if is_stale(counted.get(node), books.tx.now, max_age.total_seconds())
    ]


def _place_one(
    books: Books,
    order: StoredOrder,
    document: OrderDocument,
    facts: Mapping[str, ProductFacts],
    excluded_nodes: frozenset[str],
    view: _View,
    why: str,
) -> None:
    hub, now = books.hub, books.tx.now
    demands, refused = demands_of(hub, order, document, facts, excluded_nodes)
    decisions: list[tuple[str, Demand, Decision]] = []
    for destination, demand in demands:
        decision = route(demand, view.supply, hub.network, hub.policies, now)
        view.take(decision)
        decisions.append((destination, demand, decision))
    made = order.decisions
    for destination, demand, decision in decisions:
        made += 1
        books.decide(decision_log.row(order.id, made, why, decision))
        books.put_order(replace(books.orders[order.id], decisions=made))
        for assignment in decision.assignments:
            _fulfil(books, order.id, document, destination, demand, decision, made, assignment)
    _settle(books, order.id, refused, [decision for _, _, decision in decisions])


def _fulfil(
    books: Books,
    order_id: str,
    document: OrderDocument,
    destination: str,
    demand: Demand,
    decision: Decision,
    decision_number: int,
    assignment: Assignment,
) -> None:
    """Turn one shipment of a plan into an allocated fulfilment order, and ask the node for it."""
    hub, now, order = books.hub, books.tx.now, books.orders[order_id]
    node = hub.nodes[assignment.node]
    number = len(books.of_order(order_id)) + 1
    name = fulfilment_id(order_id, number)
    lines = tuple(
        FulfilmentLine(f"{name}-{position}", line.line_id, line.sku, line.quantity)
        for position, line in enumerate(assignment.lines, start=1)
    )
    service = hub.network.service_by_id.get(assignment.service)
    stored = StoredFulfilment(
        fulfilment=Fulfilment(
            name, order_id, assignment.node, FulfilmentState.OPEN, lines, frozenset(demand.excluded_nodes)
        ),
        number=number,
        connection=node.connection,
        attempt=number,
        service=assignment.service,
        carrier=service.carrier if service else None,
        ship_by=_end_of(assignment.ship_date, node.time_zone),
        deliver_by=_end_of(assignment.delivery_date, node.time_zone),
        costs={term: str(value) for term, value in assignment.costs},
        decision_id=f"{order_id}#{decision_number}",
        destination=destination or None,
        requested_at=None,
        known_from=None,
        created_at=now,
    )
    quantities = order.quantities
    for line in lines:
        quantities[line.order_line] = quantities[line.order_line].allocate(line.quantity)
    books.promise(
        [
            Movement(
                line.sku, assignment.node, MovementKind.ALLOCATED, 0, 0, line.quantity, 0, now, "hub", line.id
            )
            for line in lines
        ]
    )
    books.put_fulfilment(stored)
    books.put_quantities(order_id, quantities)
    if order.hold:
        held = replace(stored.fulfilment, state=FulfilmentState.ON_HOLD)
        books.put_fulfilment(replace(stored, fulfilment=held))
    else:
        ask(books, stored, document)


def ask(books: Books, stored: StoredFulfilment, document: OrderDocument) -> None:
    """Ask the node of an open fulfilment order to ship."""
    hub, order = books.hub, books.orders[stored.fulfilment.order]
    node = hub.nodes[stored.fulfilment.node]
    change = request(stored.fulfilment, order.quantities)
    asked = replace(stored, fulfilment=change.fulfilment, requested_at=books.tx.now)
    books.put_fulfilment(asked)
    books.put_quantities(order.id, change.quantities)
    body = fulfilment_order(order, document, order.channel, asked, node.external_id or node.id)
    books.command_node("fulfilment.request", asked, body)


def _settle(
    books: Books, order_id: str, refused: Sequence[Unroutable], decisions: Sequence[Decision]
) -> None:
    """What could not be placed waits, and is given up in the end as its policy says."""
    order = books.orders[order_id]
    if not any(line.quantities.unallocated for line in order.lines):
        books.put_order(replace(order, route_at=None, route_until=None, reason=None))
        return
    if refused:
        books.put_order(replace(order, route_at=None, reason=refused[0].reason))
        books.raise_work(Cause.DATA_INVALID, f"order:{order_id}", refused[0].reason)
        return
    short = [decision for decision in decisions if not decision.complete]
    if short and not wait(books, order, short[0]):
        give_up(books, order, short[0])


@lru_cache(maxsize=4096)
def _end_of(day: date, time_zone: str) -> datetime:
    return (datetime.combine(day, time.min, ZoneInfo(time_zone)) + timedelta(days=1)).astimezone(UTC)
