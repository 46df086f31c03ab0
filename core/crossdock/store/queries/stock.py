"""The stock of one SKU: what every node has, who holds it, what channels were told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from crossdock.inventory.position import Position
from crossdock.store.stock_tables import positions, products, published_stock, reservations

__all__ = ["HeldStock", "NodeStock", "PublishedStock", "SkuStock", "load_stock"]


@dataclass(frozen=True, slots=True)
class NodeStock:
    """The units of the SKU at one node.

    Attributes:
        available: What may still be promised: on hand, less what is promised or in quarantine, plus ``cover``.
        cover: Units that may be promised beyond stock.
        shortfall: By how many units the node's news fell below the promises.
        as_of: Of the last count; None where the node has never counted.
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


@dataclass(frozen=True, slots=True)
class HeldStock:
    """An active reservation."""

    key: str
    node: str
    quantity: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PublishedStock:
    """What a channel was told it may sell."""

    channel: str
    quantity: int
    published_at: datetime


@dataclass(frozen=True, slots=True)
class SkuStock:
    """Everything known of a SKU's stock; ``restrictions`` is empty where the product is not known."""

    sku: str
    known_product: bool
    restrictions: tuple[str, ...]
    nodes: tuple[NodeStock, ...]
    reservations: tuple[HeldStock, ...]
    published: tuple[PublishedStock, ...]

    @property
    def known(self) -> bool:
        """Whether the hub has ever heard of the SKU."""
        return self.known_product or bool(self.nodes)


def load_stock(connection: Connection, sku: str) -> SkuStock:
    """The stock of ``sku``; of an unknown one, nothing."""
    restrictions = connection.execute(
        select(products.c.restrictions).where(products.c.sku == sku)
    ).scalar_one_or_none()
    held = (
        select(reservations.c.key, reservations.c.node, reservations.c.quantity, reservations.c.expires_at)
        .where(reservations.c.sku == sku, reservations.c.state == "active")
        .order_by(reservations.c.expires_at, reservations.c.key)
    )
    told = (
        select(published_stock.c.channel, published_stock.c.quantity, published_stock.c.published_at)
        .where(published_stock.c.sku == sku)
        .order_by(published_stock.c.channel)
    )
    return SkuStock(
        sku,
        restrictions is not None,
        tuple(restrictions or ()),
        _nodes(connection, sku),
        tuple(HeldStock(*row) for row in connection.execute(held)),
        tuple(PublishedStock(*row) for row in connection.execute(told)),
    )


def _nodes(connection: Connection, sku: str) -> tuple[NodeStock, ...]:
    found = select(positions).where(positions.c.sku == sku).order_by(positions.c.node)
    return tuple(
        NodeStock(
            node=row.node,
            on_hand=row.on_hand,
            reserved=row.reserved,
            allocated=row.allocated,
            quarantined=row.quarantined,
            available=max(0, row.on_hand - row.quarantined - row.reserved - row.allocated + row.cover),
            cover=row.cover,
            shortfall=row.shortfall,
            as_of=row.as_of,
        )
        for row in connection.execute(found)
    )
