"""What ERPs are told: each order once it is routed, each shipment once it has left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, NamedTuple

import msgspec

from crossdock.config.model import PostingConfig
from crossdock.orders.kits import of_channel
from crossdock.store.commands import CommandRow
from crossdock.store.fulfilments import StoredFulfilment
from crossdock.store.order_book import StoredOrder
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.documents import (
    NOTHING,
    DestinationDocument,
    LineDocument,
    MoneyDocument,
    OrderDocument,
    encode,
)
from crossdock.streams.processors.exploding import shipped_for_channel
from crossdock.streams.processors.hub import Hub
from crossdock_schemas.posting import PostingKind

__all__ = ["Part", "post_sales_orders", "post_shipment", "posting_commands"]

_COMMANDS = {
    PostingKind.SALES_ORDER: "sales_order.post",
    PostingKind.INVOICE: "invoice.post",
    PostingKind.CREDIT_NOTE: "credit_note.post",
}


class Part(NamedTuple):
    """Units of an order line that a posting is about, and how many were posted before."""

    before: int
    quantity: int


class PostingLineOut(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """``PostingLine``."""

    order_line: str
    sku: str
    quantity: int
    name: str | None = None
    unit_price: MoneyDocument | None = None
    net: MoneyDocument | None = None
    discounts: tuple[dict[str, Any], ...] = ()
    taxes: tuple[dict[str, Any], ...] = ()


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
    shipping: MoneyDocument | None = None
    shipping_taxes: tuple[dict[str, Any], ...] = ()
    total: MoneyDocument | None = None
    references: tuple[dict[str, str], ...] = ()


def post_sales_orders(books: Books, orders: Iterable[str]) -> None:
    """Post new orders to the ERPs that want them."""
    for name in orders:
        order = books.orders[name]
        document = books.document(order.document)
        totals = document.totals
        ordered = of_channel(order.parts, {line.line_id: line.quantities.ordered for line in order.lines})
        _post(
            books,
            order,
            PostingKind.SALES_ORDER,
            order.id,
            {line: Part(0, units) for line, units in ordered.items()},
            ship_to=_address(document.destinations[0] if len(document.destinations) == 1 else None),
            # What the buyer pays for shipping stays one, however the order is split: it stands here only.
            shipping=totals.shipping if totals else None,
            shipping_taxes=_shipping_taxes(document.shipping),
            total=totals.total if totals else None,
        )


def post_shipment(
    books: Books,
    order: StoredOrder,
    stored: StoredFulfilment,
    shipment: str,
    units: Mapping[str, int],
    tracking_numbers: tuple[str, ...],
) -> None:
    """Post what left: ``units`` by order line, under our id of the ``shipment``.

    ``order`` is as it was before they left.
    """
    destinations = books.document(order.document).destinations
    before, left = shipped_for_channel(order, units)
    _post(
        books,
        order,
        PostingKind.INVOICE,
        shipment,
        {line: Part(before[line], quantity) for line, quantity in left.items()},
        ship_to=_address(next((each for each in destinations if each.id == stored.destination), None)),
        shipment=shipment,
        fulfilment_order=stored.id,
        node=stored.fulfilment.node,
        tracking_numbers=tracking_numbers,
    )


def _post(
    books: Books,
    order: StoredOrder,
    kind: PostingKind,
    external_id: str,
    units: Mapping[str, Part],
    **about: Any,
) -> None:
    document = books.document(order.document)
    for command in posting_commands(
        books.hub, order, document, kind, external_id, units, books.tx.now, **about
    ):
        books.command(command)


def posting_commands(
    hub: Hub,
    order: StoredOrder,
    document: OrderDocument,
    kind: PostingKind,
    external_id: str,
    units: Mapping[str, Part],
    now: datetime,
    **about: Any,
) -> list[CommandRow]:
    """Commands to the ERPs that want it, by the channel's line; ``about`` are further fields of the posting."""
    postings = [each for each in hub.config.postings if _wants(each, kind, order.channel)]
    if not postings:
        return []
    lines = {line.external_id: line for line in document.lines}
    wanted = tuple(_line(lines[name], part) for name, part in units.items() if part.quantity)
    if not wanted:
        return []
    body = PostingOut(
        external_id=external_id,
        kind=kind,
        order=order.id,
        channel=order.channel,
        posted_at=now,
        currency=document.currency,
        lines=wanted,
        order_number=order.number,
        buyer=document.buyer,
        bill_to=document.bill_to,
        purchase_order=document.purchase_order,
        **about,
    )
    payload = encode(body)
    return [_command(posting, order, _COMMANDS[kind], external_id, payload, now) for posting in postings]


def _command(
    posting: PostingConfig, order: StoredOrder, name: str, external_id: str, payload: bytes, now: datetime
) -> CommandRow:
    return CommandRow(
        connection=posting.connection,
        name=name,
        order_key=order.id,
        idempotency_key=f"{name}:{external_id}",
        payload=payload,
        refs={"order": order.external_id},
        correlation_id=order.correlation_id,
        created_at=now,
    )


def _wants(posting: PostingConfig, kind: PostingKind, channel: str) -> bool:
    """Whether an ERP is told this of orders of ``channel``."""
    asked = {
        PostingKind.SALES_ORDER: posting.sales_order,
        PostingKind.INVOICE: posting.invoice,
        PostingKind.CREDIT_NOTE: posting.credit_note,
    }
    return asked[kind] and (not posting.channels or channel in posting.channels)


def _address(destination: DestinationDocument | None) -> msgspec.Raw:
    return destination.address if destination else NOTHING


def _line(line: LineDocument, part: Part) -> PostingLineOut:
    """The line's part of this posting; net is before the discounts and taxes that stand beside it."""
    net = None
    if line.unit_price is not None:
        net = MoneyDocument(line.unit_price.amount * Decimal(part.quantity), line.unit_price.currency)
    return PostingLineOut(
        order_line=line.external_id,
        sku=line.sku,
        quantity=part.quantity,
        name=line.name,
        unit_price=line.unit_price,
        net=net,
        discounts=_shared(line.discounts, part, line.quantity),
        taxes=_shared(line.taxes, part, line.quantity),
    )


def _shipping_taxes(shipping: msgspec.Raw) -> tuple[dict[str, Any], ...]:
    if shipping == NOTHING:
        return ()
    lines = msgspec.json.decode(bytes(shipping), type=list[dict[str, Any]])
    return tuple(tax for line in lines if not line.get("removed") for tax in line.get("taxes", ()))


def _shared(amounts: msgspec.Raw, part: Part, whole: int) -> tuple[dict[str, Any], ...]:
    """Discounts or taxes of a whole line, as far as they belong to a part of its units.

    What the parts get adds up to the whole, cent by cent: each gets the difference of two rounded running totals.
    """
    if amounts == NOTHING:
        return ()
    shared = []
    for one in msgspec.json.decode(bytes(amounts), type=list[dict[str, Any]]):
        total = Decimal(one["amount"]["amount"])
        end = _running(total, part.before + part.quantity, whole)
        share = end - _running(total, part.before, whole)
        shared.append({**one, "amount": {**one["amount"], "amount": share}})
    return tuple(shared)


def _running(total: Decimal, units: int, whole: int) -> Decimal:
    """The share of the first ``units`` of ``whole``, in the decimals that the amount itself has."""
    exponent = Decimal(1).scaleb(min(int(total.as_tuple().exponent), 0))
    return (total * min(units, whole) / whole).quantize(exponent, ROUND_HALF_EVEN)
