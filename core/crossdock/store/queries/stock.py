"""The stock of one SKU: what every node has, whom it is promised to, what channels were told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Connection, literal_column, select

from crossdock.inventory.inbound import Inbound
from crossdock.inventory.lots import Lot, expired_units
from crossdock.inventory.position import Position
from crossdock.store import inbound, lots, ring_fences
from crossdock.store.order_tables import fulfilment_order_lines, fulfilment_orders
from crossdock.store.stock_tables import positions, products, published_stock, reservations

__all__ = [
    "FencedStock",
    "LotOfStock",
    "NodeStock",
    "PromiseKind",
    "PromisedStock",
    "PublishedStock",
    "SkuStock",
    "load_stock",
    "restrictions_of",
]


@dataclass(frozen=True, slots=True)
class NodeStock:
    """The units of the SKU at one node.

    Attributes:
        available: What may still be promised: on hand, less what is promised, in quarantine or in expired lots, plus
            ``cover``. Units whose reservation has lapsed count, whether or not that is booked.
        cover: Units that may be promised beyond stock.
        shortfall: By how many units the node's news fell below the promises.
        as_of: Of the last count; None where the node has never counted. Of a past instant, of the last one that
            differed from the books.
    """

    node: str
    on_hand: int
    reserved: int
    allocated: int
    quarantined: int
    available: int
    cover: int
    shortfall: int
    as_of: datetime | None

    def position(self, sku: str) -> Position:
        """As the inventory's functions take it."""
        return Position(
            sku,
            self.node,
            on_hand=self.on_hand,
            reserved=self.reserved,
            allocated=self.allocated,
            quarantined=self.quarantined,
        )


class PromiseKind(StrEnum):
    """What kind of promise."""

    RESERVATION = "reservation"
    ALLOCATION = "allocation"


@dataclass(frozen=True, slots=True)
class PromisedStock:
    """Units that somebody was promised.

    Attributes:
        key: Of the reservation, or the line of the fulfilment order.
        order_id: Whose it is; None for a cart.
        expires_at: Of a reservation, as it stands now.
    """

    kind: PromiseKind
    key: str
    node: str
    quantity: int
    order_id: str | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class LotOfStock:
    """Units at a node that came together and expire together.

    Attributes:
        expires_on: The last day on which they may be used.
        allocated: Units that fulfilment orders are to take from it; not of a past instant.
        expired: Whether that day is over: what is left can't be sold.
    """

    lot: str
    node: str
    expires_on: date | None
    on_hand: int
    quarantined: int
    allocated: int
    expired: bool


@dataclass(frozen=True, slots=True)
class FencedStock:
    """Units at a node that are kept for one channel."""

    channel: str
    node: str
    quantity: int


@dataclass(frozen=True, slots=True)
class PublishedStock:
    """What a channel was told it may sell."""

    channel: str
    quantity: int
    published_at: datetime


@dataclass(frozen=True, slots=True)
class SkuStock:
    """Everything known of a SKU's stock; ``restrictions`` is empty where the product is not known.

    Of a past instant there is no ``published``, ``inbound`` or ``ring_fences``: the ledger keeps stock and promises.
    """

    sku: str
    at: datetime
    known_product: bool
    restrictions: tuple[str, ...]
    nodes: tuple[NodeStock, ...]
    promised: tuple[PromisedStock, ...]
    ring_fences: tuple[FencedStock, ...] = ()
    inbound: tuple[Inbound, ...] = ()
    published: tuple[PublishedStock, ...] = ()
    lots: tuple[LotOfStock, ...] = ()

    @property
    def known(self) -> bool:
        """Whether the hub has ever heard of the SKU."""
        return self.known_product or bool(self.nodes)


def load_stock(connection: Connection, sku: str, now: datetime) -> SkuStock:
    """The stock of ``sku`` now; of an unknown one, nothing."""
    restrictions = restrictions_of(connection, sku)
    held = _reserved(connection, sku)
    lapsed: dict[str, int] = {}
    for each in held:
        if each.expires_at is not None and each.expires_at <= now:
            lapsed[each.node] = lapsed.get(each.node, 0) + each.quantity
    told = (
        select(published_stock.c.channel, published_stock.c.quantity, published_stock.c.published_at)
        .where(published_stock.c.sku == sku)
        .order_by(published_stock.c.channel)
    )
    by_lot = _lots(connection, sku)
    today = now.date()
    expired = {node: expired_units(found, today) for (_, node), found in by_lot.items()}
    more = {node: lapsed.get(node, 0) - expired.get(node, 0) for node in {*lapsed, *expired}}
    holding = [each for each in held if each.expires_at is None or each.expires_at > now]
    return SkuStock(
        sku,
        now,
        restrictions is not None,
        tuple(restrictions or ()),
        _nodes(connection, sku, more),
        (*holding, *_allocated(connection, sku)),
        tuple(
            FencedStock(each.channel, each.node, each.quantity)
            for each in ring_fences.of_sku(connection, sku)
        ),
        tuple(inbound.of_skus(connection, [sku])),
        tuple(PublishedStock(*row) for row in connection.execute(told)),
        tuple(
            _lot_of_stock(lot, today)
            for found in by_lot.values()
            for lot in found
            if lot.on_hand or lot.allocated
        ),
    )


def _lot_of_stock(lot: Lot, today: date) -> LotOfStock:
    numbers = (lot.on_hand, lot.quarantined, lot.allocated)
    return LotOfStock(lot.lot, lot.node, lot.expires_on, *numbers, expired=not lot.lasts(today))


def restrictions_of(connection: Connection, sku: str) -> list[str] | None:
    """The restrictions of a product; None where it is not known."""
    found: list[str] | None = connection.execute(
        select(products.c.restrictions).where(products.c.sku == sku)
    ).scalar_one_or_none()
    return found


def _lots(connection: Connection, sku: str) -> dict[tuple[str, str], list[Lot]]:
    of_sku = select(positions.c.sku, positions.c.node)
    with_lots = of_sku.where(positions.c.sku == sku, positions.c.by_lot > literal_column("0"))
    return lots.load(connection, [(row.sku, row.node) for row in connection.execute(with_lots)]).lots


def _reserved(connection: Connection, sku: str) -> list[PromisedStock]:
    rows = connection.execute(
        select(reservations.c.key, reservations.c.node, reservations.c.quantity, reservations.c.expires_at)
        .where(reservations.c.sku == sku, reservations.c.state == "active")
        .order_by(reservations.c.expires_at, reservations.c.key)
    )
    return [
        PromisedStock(PromiseKind.RESERVATION, row.key, row.node, row.quantity, None, row.expires_at)
        for row in rows
    ]


def _allocated(connection: Connection, sku: str) -> list[PromisedStock]:
    lines, heads = fulfilment_order_lines.c, fulfilment_orders.c
    rows = connection.execute(
        select(lines.id, heads.node, lines.open, heads.order_id)
        .join_from(fulfilment_order_lines, fulfilment_orders, lines.fulfilment_order_id == heads.id)
        .where(lines.sku == sku, lines.open > literal_column("0"))
        .order_by(heads.created_at, lines.id)
    )
    return [
        PromisedStock(PromiseKind.ALLOCATION, row.id, row.node, row.open, row.order_id, None) for row in rows
    ]


def _nodes(connection: Connection, sku: str, more: dict[str, int]) -> tuple[NodeStock, ...]:
    found = select(positions).where(positions.c.sku == sku).order_by(positions.c.node)
    nodes = []
    for row in connection.execute(found):
        free = row.on_hand - row.quarantined - row.reserved - row.allocated + row.cover
        nodes.append(
            NodeStock(
                node=row.node,
                on_hand=row.on_hand,
                reserved=row.reserved,
                allocated=row.allocated,
                quarantined=row.quarantined,
                available=max(0, free + more.get(row.node, 0)),
                cover=row.cover,
                shortfall=row.shortfall,
                as_of=row.as_of,
            )
        )
    return tuple(nodes)
