"""Returns of kits: what comes back is components; what the channel pays back is whole kits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from crossdock.orders.kits import Kit, KitPart, of_channel
from crossdock.orders.returning import Received, returned_lines, taken_back
from crossdock.orders.worklist import Cause, open_item
from crossdock.store import returns
from crossdock.store.catalogue import components_of
from crossdock.store.order_book import StoredOrder, load_orders
from crossdock.store.returns import StoredReturn
from crossdock.store.worklist import raise_items
from crossdock.streams.processor import Transaction
from crossdock.streams.processors.documents import OrderDocument, read
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.return_documents import asked_for, request_of

__all__ = ["ask_about_parts", "kits_of", "kits_received", "kits_returned", "whole_kits"]


def kits_of(tx: Transaction, order_id: str | None) -> tuple[Kit, ...]:
    """The kits of an order as they were exploded; none of an order that the hub does not know."""
    order = load_orders(tx.connection, [order_id], lock=False).get(order_id) if order_id else None
    return _kits(order) if order is not None else ()


def kits_received(tx: Transaction, kept: StoredReturn, skus: Collection[str]) -> tuple[Kit, ...]:
    """What kits among ``skus`` that came back are made of: as the order says, else as their product does now."""
    order = (
        load_orders(tx.connection, [kept.order_id], lock=False).get(kept.order_id) if kept.order_id else None
    )
    ordered = {line.sku for line in order.lines} if order is not None else set()
    kits = _kits(order) if order is not None else ()
    unknown = set(skus) - ordered - {kit.sku for kit in kits}
    made_of = components_of(tx.connection, unknown)
    return (
        *kits,
        *(Kit(None, sku, tuple(KitPart(None, *part) for part in parts)) for sku, parts in made_of.items()),
    )


def _kits(order: StoredOrder) -> tuple[Kit, ...]:
    parts: dict[str, list[KitPart]] = {}
    for line in order.lines:
        if line.kit_line is not None:
            parts.setdefault(line.kit_line, []).append(KitPart(line.line_id, line.sku, line.per_kit))
    if not parts:
        return ()
    sku_of = {line.external_id: line.sku for line in read(order.document, OrderDocument).lines}
    return tuple(Kit(line, sku_of[line], tuple(made_of)) for line, made_of in parts.items())


def kits_returned(order: StoredOrder, back: Iterable[tuple[str, Received]]) -> dict[str, int]:
    """By the channel's line: the kits that ``back``, which ``order`` has not booked yet, makes whole."""
    before = {line.line_id: line.quantities.returned for line in order.lines}
    after = Counter(before)
    for line, units in back:
        after[line] += units.quantity
    had, has = of_channel(order.parts, before), of_channel(order.parts, after)
    return {line: units - had[line] for line, units in has.items() if units > had[line]}


def whole_kits(
    tx: Transaction, kept: StoredReturn, order: StoredOrder, no_refund: Collection[str]
) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """What came of a return and is paid for: whole kits by the channel's line, and components beside them by line."""
    of_kits = [part for part in order.parts if part.line != part.channel_line]
    if not of_kits:
        return {}, {}
    came = [line.received for line in returns.load_receipts(tx.connection, kept.id)]
    left_of = {line.line_id: line.quantities.shipped + line.quantities.over_shipped for line in order.lines}
    units: Counter[str] = Counter()
    paid_for = [each for each in came if each.condition not in no_refund]
    for line, some in taken_back(paid_for, [(line.line_id, line.sku) for line in order.lines], left_of):
        units[line] += some.quantity
    whole = of_channel(of_kits, units)
    over = {part.line: units[part.line] - whole[part.channel_line] * part.per_kit for part in of_kits}
    return whole, {line: some for line, some in over.items() if some > 0}


def ask_about_parts(
    hub: Hub, tx: Transaction, kept: StoredReturn, order: StoredOrder, over: Mapping[str, int]
) -> None:
    """Components that make no whole kit can't be paid back by the channel; once nothing more is to come, a person sees
    to it.
    """
    if not over or not hub.config.returns.refund or kept.awaits is not None:
        return
    came = [line.received for line in returns.load_receipts(tx.connection, kept.id)]
    expected = returned_lines(asked_for(request_of(kept), kits_of(tx, order.id)), came)
    if any(line.received < line.requested for line in expected):
        return
    sku_of = {line.line_id: line.sku for line in order.lines}
    parts = ", ".join(f"{units} of {sku_of[line]} (line {line})" for line, units in sorted(over.items()))
    text = (
        f"order {order.number or order.external_id}: {parts} came back, which make no whole kit, and "
        f"{order.connection} refunds whole kits: agree on an amount with the buyer and refund it there"
    )
    item = open_item(Cause.TELL_BY_HAND, f"return:{kept.id}", text, tx.now, due=hub.config.worklist.due)
    raise_items(tx.connection, [(item, kept.order_id)], tx.now)
