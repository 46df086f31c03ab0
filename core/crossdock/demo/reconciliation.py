"""Compares what every partner has in its own books with what the hub has in its."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from crossdock.demo.observer import Observer
from crossdock.demo.partners.all import Partners
from crossdock.demo.world import World
from crossdock.store.order_tables import orders, parcels, shipments
from crossdock.store.stock_tables import positions

__all__ = ["Comparison", "reconcile"]

_MOST_DIFFERENCES = 5


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides that must agree; ``differences`` are the first few places where they do not."""

    name: str
    compared: int
    differences: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether they do."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class _Left:
    """A shipment that left, as the hub has it."""

    id: str
    connection: str
    order: str
    node: str
    external_id: str
    fulfilment_order: str
    tracking_numbers: tuple[str, ...]


def reconcile(world: World, partners: Partners, observer: Observer) -> list[Comparison]:
    """Every comparison, in the order in which goods and money move."""
    left = observer.read(_left)
    return [
        _orders(world, observer),
        _warehouses(partners, left),
        _channels(partners, left),
        _carriers(partners, left),
        _labels(partners),
        _postings(partners, left),
        _sales_orders(partners, observer),
        _stock(partners, observer),
        _oversold(partners),
    ]


def _left(db: Connection) -> list[_Left]:
    numbers: dict[str, list[str]] = {}
    for row in db.execute(
        select(parcels.c.shipment_id, parcels.c.tracking_number).order_by(parcels.c.number)
    ):
        if row[1]:
            numbers.setdefault(row[0], []).append(row[1])
    rows = db.execute(
        select(shipments.c.id, orders.c.connection, orders.c.external_id, shipments.c.node, shipments.c.external_id,
               shipments.c.fulfilment_order_id)
        .join(orders, orders.c.id == shipments.c.order_id)
        .where(shipments.c.shipped_at.is_not(None))
    )  # fmt: skip
    return [
        _Left(row[0], row[1], row[2], row[3], row[4], row[5], tuple(numbers.get(row[0], ()))) for row in rows
    ]


def _orders(world: World, observer: Observer) -> Comparison:
    placed = observer.placed()
    wrong = [f"{each.id} is {each.state}" for each in placed if not each.settled]
    if len(placed) != len(world.orders):
        wrong.insert(0, f"{len(world.orders)} orders were placed, the hub has {len(placed)}")
    return _comparison(
        "every order is shipped, cancelled with a reason, or on the worklist", len(placed), wrong
    )


def _warehouses(partners: Partners, left: Iterable[_Left]) -> Comparison:
    theirs = {
        shipped.id: shipped.order
        for warehouse in partners.warehouses
        for job in warehouse.jobs.values()
        for shipped in job.shipped
    }
    ours = {each.external_id: each.fulfilment_order for each in left}
    # a parcel that waits for its label is packed, and not gone
    return _same("what warehouses shipped is what the hub has as shipped", theirs, ours, missing_is_fine=True)


def _channels(partners: Partners, left: Iterable[_Left]) -> Comparison:
    told = {**partners.shop.told, **partners.marketplace.told}
    theirs = Counter(
        (order, number) for order, sent in told.items() for numbers in sent for number in numbers.split(",")
        if not number.startswith("gid:")
    )  # fmt: skip
    ours = Counter(
        (each.order, number)
        for each in left
        if each.connection in ("shop", "marketplace")
        for number in each.tracking_numbers
    )
    return _same("what shop and marketplace were told is what the carriers have", theirs, ours)


def _carriers(partners: Partners, left: Iterable[_Left]) -> Comparison:
    theirs = {number: 1 for number, parcel in partners.carrier.parcels.items() if not parcel.refunded}
    ours = Counter(number for each in left for number in each.tracking_numbers)
    return _same("every parcel of the carriers is a parcel of the hub", theirs, ours)


def _labels(partners: Partners) -> Comparison:
    bought = Counter(parcel.reference for parcel in partners.carrier.parcels.values())
    twice = [f"{reference} was bought {count} times" for reference, count in bought.items() if count > 1]
    return _comparison("no label was bought twice", len(bought), twice)


def _postings(partners: Partners, left: Iterable[_Left]) -> Comparison:
    theirs = {
        external_id: document.tracking_numbers
        for (kind, external_id), document in partners.erp.documents.items()
        if kind == "invoice"
    }
    ours = {each.id: each.tracking_numbers for each in left}
    return _same("what the ERP was posted is what was shipped", theirs, ours)


def _sales_orders(partners: Partners, observer: Observer) -> Comparison:
    theirs = {
        document.order: 1 for (kind, _), document in partners.erp.documents.items() if kind == "sales_order"
    }
    ours = {each.id: 1 for each in observer.placed() if not each.id.startswith("erp:")}
    return _same("every order of shop and marketplace is in the ERP", theirs, ours)


def _stock(partners: Partners, observer: Observer) -> Comparison:
    theirs = {
        (node, sku): units
        for warehouse in partners.warehouses
        for node, shelf in warehouse.stock.items()
        for sku, units in shelf.items()
    }
    rows = observer.read(
        lambda db: db.execute(select(positions.c.node, positions.c.sku, positions.c.on_hand)).all()
    )
    ours = {(row[0], row[1]): row[2] for row in rows}
    return _same("the hub's stock is what lies on the shelves", theirs, ours)


def _oversold(partners: Partners) -> Comparison:
    oversold = [
        f"{warehouse.account.name}: {warehouse.oversold} times"
        for warehouse in partners.warehouses
        if warehouse.oversold
    ]
    return _comparison(
        "nothing was promised that was not there (oversell 0)", len(partners.warehouses), oversold
    )


def _same(
    name: str,
    theirs: Mapping[Any, object],
    ours: Mapping[Any, object],
    *,
    missing_is_fine: bool = False,
) -> Comparison:
    wrong = [
        f"{key}: partner {theirs.get(key)}, hub {ours.get(key)}"
        for key in dict.fromkeys((*theirs, *ours))
        if theirs.get(key) != ours.get(key) and not (missing_is_fine and key not in ours)
    ]
    return _comparison(name, len(theirs), wrong)


def _comparison(name: str, compared: int, differences: list[str]) -> Comparison:
    shown = differences[:_MOST_DIFFERENCES]
    if len(differences) > len(shown):
        shown.append(f"and {len(differences) - len(shown)} more")
    return Comparison(name, compared, tuple(shown))
