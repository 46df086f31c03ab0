"""What can be promised out of supply that is due, for lines that nobody has now.

It follows what becomes of such an order: lines that can be placed ship at once, each of the others waits at the node
where all its units are due first, as its policy lets it (``unfillable: {then: backorder}``). What others wait for is
theirs, so a unit is offered to nobody else once an order was promised it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace
from sqlalchemy import Connection

from crossdock.inventory.availability import Limits, uncommitted
from crossdock.inventory.back_orders import free_supply
from crossdock.routing import Decision, Demand, SupplyView
from crossdock.routing.promising import Offer, Offers, Promises
from crossdock.store import inbound, stock
from crossdock.streams.processors.hub import Hub

__all__ = ["offer_from_supply"]

Free = list[tuple[datetime, str, str, int]]
"""When due, SKU, node, units that nobody waits for."""


def offer_from_supply(
    hub: Hub, promises: Promises, database: Connection, demand: Demand, refused: Decision, now: datetime
) -> Offers | None:
    """The first offer that counts on supply; None where the policy lets nothing wait, or too little is due.

    Args:
        demand: What is wanted.
        refused: What can be placed of it now, and what not.
    """
    policy = hub.policies.find(refused.policy, refused.policy_version) if refused.policy else None
    if policy is None or policy.unfillable.then != "backorder":
        return None
    missing = {line.line_id: line.quantity for line in refused.unfilled}
    lines = tuple(
        replace(line, quantity=missing[line.line_id]) for line in demand.lines if line.line_id in missing
    )
    free = _free(hub, database, {line.sku for line in lines})
    for due in sorted({at for at, *_ in free}):
        rest = replace(demand, lines=lines, ready_from=max(due, now, demand.ready_from or now))
        found = promises.earliest(rest, _view(hub, rest, free, due), now)
        if found.offers:
            return Offers((_joined(refused, found.offers[0], due),), None, found.exact)
    return None


def _free(hub: Hub, database: Connection, skus: Iterable[str]) -> Free:
    rows = [row for row in inbound.of_skus(database, skus) if row.node in hub.nodes]
    keys = sorted({(row.sku, row.node) for row in rows})
    waiting = inbound.waiting_at(database, keys)
    positions = stock.load_positions(database, keys)
    free: Free = []
    for key in keys:
        owed = sum(each.to_come for each in waiting.get(key, ()))
        position = positions.get(key)
        # Where less is there than is promised already, what comes first makes up for that.
        if position is not None and uncommitted(position, Limits(inbound_promised=owed)) < 0:
            continue
        at_node = [row for row in rows if (row.sku, row.node) == key]
        free += [(due, *key, units) for due, units in free_supply(at_node, waiting.get(key, ()))]
    return free


def _view(hub: Hub, demand: Demand, free: Free, until: datetime) -> SupplyView:
    """What is due by ``until`` at nodes where it is enough for a whole line: a line waits at one node."""
    least: dict[str, int] = {}
    for line in demand.lines:
        least[line.sku] = min(line.quantity, least.get(line.sku, line.quantity))
    units: dict[tuple[str, str], int] = {}
    for due, sku, node, quantity in free:
        if due <= until:
            units[sku, node] = units.get((sku, node), 0) + quantity
    rows = [(*key, quantity) for key, quantity in units.items() if quantity >= least[key[0]]]
    return SupplyView(hub.network, rows, skus=sorted(least))


def _joined(placed: Decision, later: Offer, due: datetime) -> Offer:
    """One offer of what ships now and what ships when the supply is there."""
    now = placed.assignments
    costs = [dict(each.costs) for each in now]
    return Offer(
        decision=replace(placed, assignments=(*now, *later.decision.assignments), unfilled=()),
        ship_date=max((*(each.ship_date for each in now), later.ship_date)),
        delivery_date=max((*(each.delivery_date for each in now), later.delivery_date)),
        cost=sum((each["shipping_cost"] + each["handling_cost"] for each in costs), Decimal(0)) + later.cost,
        valid_until=later.valid_until,
        supply_due=due,
    )
