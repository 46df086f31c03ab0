"""What ERPs are told: each order once it is routed, each shipment once it has left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

import msgspec

from crossdock.store.commands import CommandRow
from crossdock.store.order_book import StoredFulfilment, StoredOrder
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.documents import (
    NOTHING,
    LineDocument,
    MoneyDocument,
    OrderDocument,
    encode,
    read,
)
from crossdock_schemas.posting import PostingKind

__all__ = ["post_sales_orders", "post_shipment"]

_COMMANDS = {PostingKind.SALES_ORDER: "sales_order.post", PostingKind.INVOICE: "invoice.post"}


class PostingLineOut(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """``PostingLine``."""

    order_line: str
    sku: str
    quantity: int
    name: str | None = None
    unit_price: MoneyDocument | None = None
    net: MoneyDocument | None = None
    discounts: msgspec.Raw = NOTHING
    taxes: msgspec.Raw = NOTHING


class PostingOut(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """``InvoicePosting``."""

    external_id: str
    kind: PostingKind
    order: str
    channel: str
    posted_at: datetime
    currency: str
    lines: tuple[PostingLineOut, ...]
    order_number: str | None = None
    buyer: msgspec.Raw = NOTHING
    bill_to: msgspec.Raw = NOTHING
    ship_to: msgspec.Raw = NOTHING
    shipment: str | None = None
    fulfilment_order: str | None = None
    node: str | None = None
    tracking_numbers: tuple[str, ...] = ()
    purchase_order: str | None = None


def post_sales_orders(books: Books, orders: Iterable[str]) -> None:
    """Post new orders to the ERPs that want them."""
    for name in orders:
        order = books.orders[name]
        document = read(order.document, OrderDocument)
        units = {line.line_id: line.quantities.ordered for line in order.lines}
        _post(books, order, document, PostingKind.SALES_ORDER, order.id, units)


def post_shipment(
    books: Books,
    order: StoredOrder,
    stored: StoredFulfilment,
    shipment: str,
    units: Mapping[str, int],
    tracking_numbers: tuple[str, ...],
) -> None:
    """Post what left: ``units`` by order line, under our id of the ``shipment``."""
    document = read(order.document, OrderDocument)
    _post(
        books,
        order,
        document,
        PostingKind.INVOICE,
        shipment,
        units,
        stored=stored,
        tracking_numbers=tracking_numbers,
    )


def _post(
    books: Books,
    order: StoredOrder,
    document: OrderDocument,
    kind: PostingKind,
    external_id: str,
    units: Mapping[str, int],
    *,
    stored: StoredFulfilment | None = None,
    tracking_numbers: tuple[str, ...] = (),
) -> None:
    lines = {line.external_id: line for line in document.lines}
    wanted = tuple(_line(lines[name], quantity) for name, quantity in units.items() if quantity)
    if not wanted:
        return
    name = _COMMANDS[kind]
    for posting in books.hub.config.postings:
        asked = posting.invoice if kind is PostingKind.INVOICE else posting.sales_order
        if not asked or (posting.channels and order.channel not in posting.channels):
            continue
        destination = next(
            (each for each in document.destinations if stored and each.id == stored.destination), None
        )
        body = PostingOut(
            external_id=external_id,
            kind=kind,
            order=order.id,
            channel=order.channel,
            posted_at=books.tx.now,
            currency=document.currency,
            lines=wanted,
            order_number=order.number,
            buyer=document.buyer,
            bill_to=document.bill_to,
            ship_to=destination.address if destination else NOTHING,
            shipment=external_id if stored else None,
            fulfilment_order=stored.id if stored else None,
            node=stored.fulfilment.node if stored else None,
            tracking_numbers=tracking_numbers,
            purchase_order=document.purchase_order,
        )
        books.command(
            CommandRow(
                connection=posting.connection,
                name=name,
                order_key=order.id,
                idempotency_key=f"{name}:{external_id}",
                payload=encode(body),
                refs={"order": order.external_id},
                correlation_id=order.correlation_id,
                created_at=books.tx.now,
            )
        )


def _line(line: LineDocument, quantity: int) -> PostingLineOut:
    net = None
    if line.unit_price is not None:
        net = MoneyDocument(line.unit_price.amount * Decimal(quantity), line.unit_price.currency)
    return PostingLineOut(
        order_line=line.external_id,
        sku=line.sku,
        quantity=quantity,
        name=line.name,
        unit_price=line.unit_price,
        net=net,
        discounts=line.discounts,
        taxes=line.taxes,
    )
