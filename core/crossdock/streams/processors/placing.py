"""Placing orders: route what is unallocated, allocate it, ask the nodes. One snapshot serves a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from crossdock.inventory.lots import Pick
from crossdock.inventory.position import Movement, MovementKind
from crossdock.orders.fulfilment import Fulfilment, FulfilmentLine, request
from crossdock.orders.holds import active
from crossdock.orders.life_cycles import FulfilmentState
from crossdock.orders.worklist import Cause
from crossdock.routing import Assignment, Decision, Demand, route
from crossdock.store import decision_log
from crossdock.store.fulfilments import StoredFulfilment
from crossdock.store.order_book import StoredOrder
from crossdock.streams.processors.asking import fulfilment_order
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.demand import ProductFacts, Unroutable, demands_of, load_products
from crossdock.streams.processors.documents import OrderDocument
from crossdock.streams.processors.giving_up import give_up, wait
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.outgoing import fulfilment_id
from crossdock.streams.processors.snapshot import Snapshot, View

__all__ = ["Plan", "Request", "ask", "fulfil", "fulfil_from", "let_go", "place"]

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
    snapshot = Snapshot(books, sorted(skus), facts)
    by_channel = sorted(waiting, key=lambda order: order.channel)
    for channel, group in groupby(by_channel, key=lambda order: order.channel):
        view = snapshot.view(channel)
        for order in group:
            _place_one(books, order, books.document_of(order), facts, wanted[order.id], view, why)
        snapshot.keep(view)
    snapshot.close()


def _place_one(
    books: Books,
    order: StoredOrder,
    document: OrderDocument,
    facts: Mapping[str, ProductFacts],
    excluded_nodes: frozenset[str],
    view: View,
    why: str,
) -> None:
    refused, decisions = fulfil_from(books, order, document, facts, excluded_nodes, view, why)
    _settle(books, order.id, refused, decisions)


def fulfil_from(
    books: Books,
    order: StoredOrder,
    document: OrderDocument,
    facts: Mapping[str, ProductFacts],
    excluded_nodes: frozenset[str],
    view: View,
    why: str,
) -> tuple[Sequence[Unroutable], Sequence[Decision]]:
    """Decide on the unallocated units of an order with what ``view`` has, and ask the nodes; the rest stays."""
    hub, now = books.hub, books.tx.now
    demands, refused = demands_of(hub, order, document, facts, excluded_nodes, now)
    decisions: list[tuple[str, Demand, Decision, list[list[list[Pick]]]]] = []
    for destination, demand in demands:
        decision = route(demand, view.supply, hub.network, hub.policies, now)
        decisions.append((destination, demand, decision, view.take(demand, decision)))
    made = order.decisions
    for destination, demand, decision, picks in decisions:
        made += 1
        row = decision_log.row(order.id, made, why, decision)
        books.decide(row)
        books.put_order(replace(books.orders[order.id], decisions=made))
        plan = Plan(destination, demand, decision, row.id)
        fulfil(books, order.id, document, plan, zip(decision.assignments, picks, strict=True))
    return refused, [decision for _, _, decision, _ in decisions]


class Plan(NamedTuple):
    """A decision, what was asked of it, and under which id it is kept."""

    destination: str
    demand: Demand
    decision: Decision
    decision_id: str


def fulfil(
    books: Books,
    order_id: str,
    document: OrderDocument,
    plan: Plan,
    shipments: Iterable[tuple[Assignment, Sequence[Sequence[Pick]]]],
    release_at: datetime | None = None,
) -> None:
    """Turn shipments of a plan, with the lots of their lines, into allocated fulfilment orders.

    Their nodes are asked at once, or when nothing keeps them back any more: a hold, or the time that the policy leaves
    them, but at ``release_at`` at the latest; of a pre-order never before its day. The node that sends on what others
    bring is asked when it has all of it.
    """
    legs: list[FulfilmentLine] = []
    for assignment, lots in shipments:
        brought = [] if assignment.to_node else legs
        stored = _allocated(books, order_id, plan, assignment, lots, brought)
        if assignment.to_node:
            legs += stored.fulfilment.lines
        if not brought:
            stored = kept_back(books.hub, stored, plan, books.tx.now)
            if release_at is not None and stored.release_at is not None:
                stored = replace(stored, release_at=min(release_at, stored.release_at))
            if plan.demand.ready_from is not None:
                day = plan.demand.ready_from
                stored = replace(stored, release_at=max(day, stored.release_at or books.tx.now))
        _promise(books, stored)
        _begin(books, stored, document)


def _promise(books: Books, stored: StoredFulfilment) -> None:
    """Allocate the units of a new fulfilment order."""
    node, now, lines = stored.fulfilment.node, books.tx.now, stored.fulfilment.lines
    quantities = dict(books.orders[stored.fulfilment.order].quantities)
    for line in lines:
        allocated = Movement(
            line.sku, node, MovementKind.ALLOCATED, 0, 0, line.quantity, 0, now, "hub", line.id
        )
        books.promise([allocated], to_come=line.awaits is not None)
        quantities[line.order_line] = quantities[line.order_line].allocate(line.quantity)
    books.count_in(stored, quantities)


def _begin(books: Books, stored: StoredFulfilment, document: OrderDocument) -> None:
    """Ask the node of a new fulfilment order, unless something keeps it back."""
    order, now = books.orders[stored.fulfilment.order], books.tx.now
    if active(order.holds, now):
        held = replace(stored.fulfilment, state=FulfilmentState.ON_HOLD)
        books.put_fulfilment(replace(stored, fulfilment=held))
    else:
        let_go(books, stored, document)


def kept_back(hub: Hub, stored: StoredFulfilment, plan: Plan, now: datetime) -> StoredFulfilment:
    """A new fulfilment order with the instants at which it is released, and routed again before that."""
    policy = hub.policies.find(plan.decision.policy, plan.decision.policy_version)
    if policy is None or plan.demand.pick_up:
        return stored
    wait, again = policy.definition.release_after, policy.definition.reevaluate
    release_at = None
    if wait:
        node = hub.network.clocks[hub.network.index[stored.fulfilment.node]]
        release_at = node.latest_start(now, now + wait, hub.network.service_by_id[stored.service])
    # What is brought together goes on as it was planned: its parts wait for each other.
    looked_at = again is not None and not stored.fulfilment.to_node
    return replace(
        stored, release_at=release_at, evaluate_at=now + again.every if again and looked_at else None
    )


def let_go(books: Books, stored: StoredFulfilment, document: OrderDocument) -> None:
    """Ask the node of a fulfilment order that no hold keeps back, or let it wait for its time, or its goods."""
    waits = stored.release_at is not None and stored.release_at > books.tx.now
    waits = waits or stored.fulfilment.to_come > 0
    state = FulfilmentState.SCHEDULED if waits else FulfilmentState.OPEN
    stored = replace(stored, fulfilment=replace(stored.fulfilment, state=state))
    if waits:
        books.put_fulfilment(stored)
    else:
        ask(books, stored, document)


def _allocated(
    books: Books,
    order_id: str,
    plan: Plan,
    assignment: Assignment,
    lots: Sequence[Sequence[Pick]],
    brought: Sequence[FulfilmentLine],
) -> StoredFulfilment:
    """The fulfilment order of a shipment, open."""
    node = books.hub.nodes[assignment.node]
    number = len(books.of_order(order_id)) + 1
    name = fulfilment_id(order_id, number)
    lines = _lines(name, assignment, lots, brought)
    service = books.hub.network.service_by_id.get(assignment.service)
    tried = frozenset(plan.demand.excluded_nodes)
    return StoredFulfilment(
        fulfilment=Fulfilment(
            name,
            order_id,
            assignment.node,
            FulfilmentState.OPEN,
            lines,
            tried,
            to_node=assignment.to_node,
        ),
        number=number,
        connection=node.connection,
        attempt=number,
        service=assignment.service,
        carrier=service.carrier if service else None,
        ship_by=_end_of(assignment.ship_date, node.time_zone),
        deliver_by=_end_of(assignment.delivery_date, node.time_zone),
        costs={term: str(value) for term, value in assignment.costs},
        decision_id=plan.decision_id,
        destination=None if assignment.to_node else plan.destination or None,
        requested_at=None,
        known_from=None,
        created_at=books.tx.now,
    )


def _lines(
    name: str,
    assignment: Assignment,
    lots: Sequence[Sequence[Pick]],
    brought: Sequence[FulfilmentLine],
) -> tuple[FulfilmentLine, ...]:
    """Units of each lot, and those that each line of others brings, are lines of their own."""
    picked = (
        FulfilmentLine("", line.line_id, line.sku, units, lot=lot)
        for line, picks in zip(assignment.lines, lots, strict=True)
        for lot, units in picks
    )
    to_come = (
        FulfilmentLine("", each.order_line, each.sku, each.quantity, awaits=each.id, to_come=each.quantity)
        for each in brought
    )
    return tuple(
        replace(line, id=f"{name}-{position}") for position, line in enumerate((*picked, *to_come), start=1)
    )


def ask(books: Books, stored: StoredFulfilment, document: OrderDocument) -> None:
    """Ask the node of an open fulfilment order to ship."""
    order = books.orders[stored.fulfilment.order]
    change = request(stored.fulfilment, books.quantities_of(stored))
    asked = replace(stored, fulfilment=change.fulfilment, requested_at=books.tx.now)
    books.put_fulfilment(asked)
    books.count_in(stored, change.quantities)
    body = fulfilment_order(books.hub, order, document, asked)
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
