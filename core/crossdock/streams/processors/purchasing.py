"""Purchase orders: what ERPs are told when a supplier is asked to ship to the buyer, and when that becomes less."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec
from sqlalchemy import Connection

from crossdock.orders.fulfilment import Fulfilment, FulfilmentLine
from crossdock.routing import NodeKind
from crossdock.store.catalogue import documents_of
from crossdock.store.commands import CommandRow
from crossdock.store.fulfilments import StoredFulfilment
from crossdock.store.order_book import StoredOrder
from crossdock.streams.processors.asking import ship_to
from crossdock.streams.processors.documents import (
    NOTHING,
    LineDocument,
    MoneyDocument,
    OrderDocument,
    Part,
    encode,
    read,
)
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.outgoing import purchase_order_number
from crossdock_schemas.purchasing import PurchaseOrderStatus

__all__ = ["purchase_orders"]

_COMMANDS = {
    PurchaseOrderStatus.ORDERED: "purchase_order.create",
    PurchaseOrderStatus.CHANGED: "purchase_order.change",
    PurchaseOrderStatus.CANCELLED: "purchase_order.cancel",
}


class PurchasePriceDocument(Part, frozen=True):
    """``PurchasePrice``."""

    price: MoneyDocument
    node: str | None = None


class PricedDocument(Part, frozen=True):
    """``Product``, as far as it says what it costs."""

    purchase_prices: tuple[PurchasePriceDocument, ...] = ()


class PurchaseOrderLineOut(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """``PurchaseOrderLine``."""

    number: int
    fulfilment_line: str
    order_line: str
    sku: str
    quantity: int
    name: str | None = None
    gtin: str | None = None
    unit: str = "EA"
    unit_cost: MoneyDocument | None = None


class PurchaseOrderOut(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """``PurchaseOrder``."""

    external_id: str
    status: PurchaseOrderStatus
    node: str
    fulfilment_order: str
    order: str
    channel: str
    ordered_at: datetime
    currency: str
    lines: tuple[PurchaseOrderLineOut, ...]
    order_number: str | None = None
    changed_at: datetime | None = None
    ship_by: datetime | None = None
    deliver_by: datetime | None = None
    ship_to: msgspec.Raw = NOTHING


class OrderBooks(Protocol):
    """What is read of ``Books``."""

    orders: dict[str, StoredOrder]

    def document_of(self, order: StoredOrder) -> OrderDocument:
        """An order's document, with the components of its kits in place of them."""
        ...


class News(NamedTuple):
    """A supplier's fulfilment order of which ERPs have to be told."""

    stored: StoredFulfilment
    status: PurchaseOrderStatus
    order: StoredOrder
    connections: list[str]


def purchase_orders(
    hub: Hub,
    connection: Connection,
    before: Mapping[str, Fulfilment],
    changed: Iterable[StoredFulfilment],
    books: OrderBooks,
    now: datetime,
) -> list[CommandRow]:
    """The commands that follow from ``changed`` fulfilment orders of suppliers, for the ERPs that want them.

    Args:
        before: The fulfilment orders as they were loaded; one that is missing is new.
        changed: As they are now.
        books: Where the orders are.
    """
    if not any(posting.purchase_order for posting in hub.config.postings):
        return []
    news = list(_news(hub, before, changed, books.orders))
    created = [each.stored for each in news if each.status is PurchaseOrderStatus.ORDERED]
    prices = _prices(connection, created)
    return [
        command
        for each in news
        for command in _commands(
            each, encode(_document(hub, each, books.document_of(each.order), prices, now)), now
        )
    ]


def _news(
    hub: Hub,
    before: Mapping[str, Fulfilment],
    changed: Iterable[StoredFulfilment],
    orders: Mapping[str, StoredOrder],
) -> Iterator[News]:
    for stored in changed:
        node = hub.nodes.get(stored.fulfilment.node)
        if node is None or node.kind is not NodeKind.SUPPLIER:
            continue
        status = _status(stored, before.get(stored.id))
        order = orders[stored.fulfilment.order]
        wanting = [
            posting.connection
            for posting in hub.config.postings
            if posting.purchase_order and (not posting.channels or order.channel in posting.channels)
        ]
        if status is not None and wanting:
            yield News(stored, status, order, wanting)


def _status(stored: StoredFulfilment, before: Fulfilment | None) -> PurchaseOrderStatus | None:
    """What has happened to the purchase order; None: nothing, or it was never ordered."""
    if stored.requested_at is None:
        return None
    if before is None or not before.requested:
        return PurchaseOrderStatus.ORDERED
    if [_ordered(line) for line in stored.fulfilment.lines] == [_ordered(line) for line in before.lines]:
        return None
    if any(_ordered(line) for line in stored.fulfilment.lines):
        return PurchaseOrderStatus.CHANGED
    return PurchaseOrderStatus.CANCELLED


def _ordered(line: FulfilmentLine) -> int:
    """Units that the supplier has shipped or is to ship."""
    return max(0, line.open + line.shipped)


def _commands(news: News, payload: bytes, now: datetime) -> Iterator[CommandRow]:
    """Ordered by the sales order, so that it is known before what is bought for it."""
    name, fulfilment = _COMMANDS[news.status], news.stored.fulfilment
    key = f"{name}:{fulfilment.id}"
    if news.status is not PurchaseOrderStatus.ORDERED:
        # What is taken back without a message of the node only becomes less.
        key += f":{sum(map(_ordered, fulfilment.lines))}:{len(fulfilment.messages)}"
    for connection in news.connections:
        yield CommandRow(
            connection=connection,
            name=name,
            order_key=news.order.id,
            idempotency_key=key,
            payload=payload,
            refs={"order": news.order.external_id, "purchase_order": purchase_order_number(fulfilment.id)},
            correlation_id=news.order.correlation_id,
            created_at=now,
        )


def _document(
    hub: Hub,
    news: News,
    document: OrderDocument,
    prices: Mapping[tuple[str, str], MoneyDocument],
    now: datetime,
) -> PurchaseOrderOut:
    stored, fulfilment = news.stored, news.stored.fulfilment
    lines = {line.external_id: line for line in document.lines}
    new = news.status is PurchaseOrderStatus.ORDERED
    known = [prices.get((fulfilment.node, line.sku)) for line in fulfilment.lines] if new else []
    currency = next((price.currency for price in known if price), hub.config.hub.currency)
    return PurchaseOrderOut(
        external_id=purchase_order_number(fulfilment.id),
        status=news.status,
        node=fulfilment.node,
        fulfilment_order=fulfilment.id,
        order=news.order.id,
        order_number=news.order.number,
        channel=news.order.channel,
        ordered_at=stored.requested_at or now,
        changed_at=None if new else now,
        currency=currency,
        ship_by=stored.ship_by,
        deliver_by=stored.deliver_by,
        ship_to=ship_to(hub, news.order, document, stored),
        lines=tuple(
            _line(
                number, line, lines[line.order_line], price if price and price.currency == currency else None
            )
            for number, (line, price) in enumerate(
                zip(fulfilment.lines, known or [None] * len(fulfilment.lines), strict=True), start=1
            )
        ),
    )


def _line(
    number: int, line: FulfilmentLine, ordered: LineDocument, price: MoneyDocument | None
) -> PurchaseOrderLineOut:
    return PurchaseOrderLineOut(
        number=number,
        fulfilment_line=line.id,
        order_line=line.order_line,
        sku=line.sku,
        quantity=_ordered(line),
        name=ordered.name,
        gtin=ordered.gtin,
        unit=ordered.unit,
        unit_cost=price,
    )


def _prices(
    connection: Connection, created: Iterable[StoredFulfilment]
) -> dict[tuple[str, str], MoneyDocument]:
    """What products cost at suppliers, by node and SKU, as far as it is known: the node's own price, else any's."""
    wanted = {(stored.fulfilment.node, line.sku) for stored in created for line in stored.fulfilment.lines}
    known = {
        sku: {each.node: each.price for each in read(body, PricedDocument).purchase_prices}
        for sku, body in documents_of(connection, {sku for _, sku in wanted}).items()
    }
    found = {
        (node, sku): known.get(sku, {}).get(node) or known.get(sku, {}).get(None) for node, sku in wanted
    }
    return {key: price for key, price in found.items() if price is not None}
