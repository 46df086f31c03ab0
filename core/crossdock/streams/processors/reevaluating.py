"""Fulfilment orders that no node was asked for yet, routed again: moved where another plan is better now.

What stays is not touched. What moves is taken back and placed anew in one transaction, by a decision that is kept like
every other and says what it gains.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby

from msgspec.structs import replace

from crossdock.inventory.lots import Pick
from crossdock.orders.cancelling import call_back
from crossdock.orders.effects import Reroute
from crossdock.orders.fulfilment import FulfilmentChange
from crossdock.orders.holds import blocks_routing
from crossdock.orders.life_cycles import FulfilmentState
from crossdock.orders.quantities import LineQuantities
from crossdock.routing import AssignedLine, Assignment, Move, better_plan
from crossdock.store import decision_log
from crossdock.store.fulfilments import StoredFulfilment
from crossdock.store.order_book import StoredOrder
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.demand import ProductFacts, demands_of, load_products
from crossdock.streams.processors.happenings import Occurrence
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.placing import Plan, fulfil
from crossdock.streams.processors.snapshot import Snapshot, View

__all__ = ["reevaluate"]

_WHILE_HELD = timedelta(minutes=15)
"""How often it is looked whether a hold still forbids to decide."""

_UNRELEASED = (FulfilmentState.SCHEDULED, FulfilmentState.ON_HOLD)


def reevaluate(books: Books, order_ids: Iterable[str]) -> None:
    """Look for better plans for what no node was asked for, of orders that are loaded; each sees what others left."""
    due = []
    for order in [books.orders[each] for each in order_ids]:
        if blocks_routing(order.holds, books.tx.now):
            _look_again(books, _due(books, order), books.tx.now + _WHILE_HELD)
        elif _due(books, order):
            due.append(order)
    if not due:
        return
    skus = {line.sku for order in due for stored in _due(books, order) for line in stored.fulfilment.lines}
    facts = load_products(books.tx.connection, skus)
    snapshot = Snapshot(books, sorted(skus), facts)
    for channel, group in groupby(sorted(due, key=lambda order: order.channel), key=lambda one: one.channel):
        view = snapshot.view(channel)
        for order in group:
            for destination, planned in _by_destination(_due(books, order)).items():
                _review(books, order.id, destination, planned, facts, view)
        snapshot.keep(view)
    snapshot.close()


def _due(books: Books, order: StoredOrder) -> list[StoredFulfilment]:
    """The fulfilment orders that may still go elsewhere; all of them, once one has to be looked at."""
    found = [
        stored
        for stored in books.of_order(order.id)
        if stored.evaluate_at is not None and stored.fulfilment.state in _UNRELEASED
    ]
    instants = [at for stored in found for at in (stored.evaluate_at, stored.release_at) if at is not None]
    return found if instants and min(instants) <= books.tx.now else []


def _by_destination(stored: Iterable[StoredFulfilment]) -> dict[str, list[StoredFulfilment]]:
    found: dict[str, list[StoredFulfilment]] = {}
    for each in stored:
        found.setdefault(each.destination or "", []).append(each)
    return found


def _review(
    books: Books,
    order_id: str,
    destination: str,
    planned: Sequence[StoredFulfilment],
    facts: Mapping[str, ProductFacts],
    view: View,
) -> None:
    """Change to a better plan for one destination, where there is one."""
    hub, now, order = books.hub, books.tx.now, books.orders[order_id]
    tried = frozenset().union(*(stored.fulfilment.tried_nodes for stored in planned))
    found, _ = demands_of(hub, _only(order, planned), books.document_of(order), facts, tried, now)
    if len(found) != 1:
        _look_again(books, planned, None)
        return
    ((_, demand),) = found
    known = [(stored, _assignment(stored)) for stored in planned]
    in_network = [(stored, plan) for stored, plan in known if plan.node in hub.network.index]
    today = {stored.id for stored, plan in in_network if _same_day(hub, plan.node, stored.created_at, now)}
    for stored, plan in in_network:
        view.release(plan, _picks(stored), capacity=stored.id in today)
    move = better_plan(
        demand,
        [plan for _, plan in known],
        _left(books, order_id, destination),
        view.supply,
        hub.network,
        hub.policies,
        now,
    )
    staying = _staying(known, move)
    for stored, plan in in_network:
        if stored.id in staying:
            view.hold(plan, _picks(stored), capacity=stored.id in today)
    policy = hub.policies.choose(demand)
    rule = policy.definition.reevaluate if policy else None
    _look_again(
        books, [stored for stored in planned if stored.id in staying], now + rule.every if rule else None
    )
    if move is not None:
        _change(books, order_id, Plan(destination, demand, move.decision, ""), move, known, staying, view)


def _change(
    books: Books,
    order_id: str,
    plan: Plan,
    move: Move,
    known: Sequence[tuple[StoredFulfilment, Assignment]],
    staying: frozenset[str],
    view: View,
) -> None:
    """Take back what moves, and place it anew."""
    order, now = books.orders[order_id], books.tx.now
    made = order.decisions + 1
    row = decision_log.row(order_id, made, f"re-evaluated: {move.why}", move.decision)
    books.decide(row)
    books.put_order(replace(order, decisions=made))
    leaving = [stored for stored, _ in known if stored.id not in staying]
    for stored in leaving:
        change = call_back(stored.fulfilment, books.orders[order_id].quantities)
        effects = tuple(effect for effect in change.effects if not isinstance(effect, Reroute))
        change = FulfilmentChange(change.fulfilment, change.quantities, effects)
        books.apply(stored, change, Occurrence(f"moved:{row.id}", "hub", now))
    release_at = min((stored.release_at for stored in leaving if stored.release_at), default=None)
    kept = Counter(_shape(assignment) for stored, assignment in known if stored.id in staying)
    new: list[Assignment] = []
    for assignment in move.decision.assignments:
        if kept[_shape(assignment)]:
            kept[_shape(assignment)] -= 1
        else:
            new.append(assignment)
    picks = view.take(plan.demand, replace(move.decision, assignments=tuple(new)))
    document, plan = books.document_of(order), plan._replace(decision_id=row.id)
    fulfil(books, order_id, document, plan, zip(new, picks, strict=True), release_at)


def _staying(known: Sequence[tuple[StoredFulfilment, Assignment]], move: Move | None) -> frozenset[str]:
    """The fulfilment orders that are the same in the better plan, or all where there is none."""
    if move is None:
        return frozenset(stored.id for stored, _ in known)
    if any(assignment.to_node for assignment in move.decision.assignments):
        return frozenset()  # one of them would send on what is brought to it
    wanted = Counter(_shape(assignment) for assignment in move.decision.assignments)
    staying = set()
    for stored, assignment in known:
        if wanted[_shape(assignment)]:
            wanted[_shape(assignment)] -= 1
            staying.add(stored.id)
    return frozenset(staying)


def _shape(assignment: Assignment) -> tuple[str, str, tuple[tuple[str, int], ...]]:
    return (
        assignment.node,
        assignment.service,
        tuple(sorted((line.line_id, line.quantity) for line in assignment.lines)),
    )


def _look_again(books: Books, staying: Iterable[StoredFulfilment], at: datetime | None) -> None:
    """What stays is looked at once more, after the time of the policy that applies today."""
    for stored in staying:
        books.put_fulfilment(replace(stored, evaluate_at=at))


def _same_day(hub: Hub, node: str, then: datetime, now: datetime) -> bool:
    """Whether both instants count for the same day's capacity of a node."""
    clock = hub.network.clocks[hub.network.index[node]]
    return clock.day(then) == clock.day(now)


def _left(books: Books, order_id: str, destination: str) -> list[str]:
    """Nodes from which units for the destination were taken back before they were asked for."""
    return [
        stored.fulfilment.node
        for stored in books.of_order(order_id)
        if stored.fulfilment.state is FulfilmentState.CANCELLED
        and stored.requested_at is None
        and (stored.destination or "") == destination
    ]


def _only(order: StoredOrder, planned: Iterable[StoredFulfilment]) -> StoredOrder:
    """``order`` as if it waited for exactly the open units of ``planned``."""
    units: Counter[str] = Counter()
    for stored in planned:
        for line in stored.fulfilment.lines:
            units[line.order_line] += line.open
    lines = tuple(replace(line, quantities=LineQuantities(units[line.line_id])) for line in order.lines)
    return replace(order, lines=lines)


def _assignment(stored: StoredFulfilment) -> Assignment:
    """The shipment of a plan that a fulfilment order stands for; its days are not looked at."""
    units: dict[tuple[str, str], int] = {}
    for line in stored.fulfilment.lines:
        if line.open:
            key = (line.order_line, line.sku)
            units[key] = units.get(key, 0) + line.open
    lines = tuple(AssignedLine(*key, quantity) for key, quantity in units.items())
    return Assignment(stored.fulfilment.node, stored.service, lines, date.min, date.min, ())


def _picks(stored: StoredFulfilment) -> list[tuple[str, Pick]]:
    """By SKU, the lots from which a fulfilment order is to be picked."""
    lines = stored.fulfilment.lines
    return [(line.sku, (line.lot, line.open)) for line in lines if line.lot is not None and line.open]
