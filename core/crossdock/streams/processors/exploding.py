"""Exploding the kits of an order: what the channel sold as one line becomes a line for each component."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import is_

from msgspec.structs import replace

from crossdock.orders.kits import of_channel
from crossdock.store.catalogue import Component
from crossdock.store.order_book import StoredOrder
from crossdock.streams.processors.documents import LineDocument, OrderDocument

__all__ = ["Components", "by_order", "explode", "gone_from_channel", "shipped_for_channel"]

Components = Callable[[LineDocument], Sequence[Component]]
"""What a channel's line is made of; nothing where it is no kit."""


def by_order(order: StoredOrder) -> Mapping[str, Sequence[Component]]:
    """The components of an order's kits as they were when it came, by the channel's line."""
    found: dict[str, list[Component]] = {}
    for line in order.lines:
        if line.kit_line is not None:
            found.setdefault(line.kit_line, []).append(Component(line.sku, line.per_kit))
    return found


def explode(document: OrderDocument, components: Components) -> OrderDocument:
    """The document with the components of its kits in place of them; the same object where there are none.

    The components of a line are a group, which policies keep together with ``keep_together: [kit]``.
    """
    lines: list[LineDocument] = []
    for line in document.lines:
        parts = components(line)
        lines += [_component(line, part) for part in parts] or [line]
    same = len(lines) == len(document.lines) and all(map(is_, lines, document.lines))
    return document if same else replace(document, lines=tuple(lines))


def shipped_for_channel(
    order: StoredOrder, shipped: Mapping[str, int]
) -> tuple[dict[str, int], dict[str, int]]:
    """By the channel's lines: what had left before, and what leaves with ``shipped`` units by order line.

    A kit leaves with the shipment that makes it whole.
    """
    before = {line.line_id: line.quantities.shipped for line in order.lines}
    after = {line: units + shipped.get(line, 0) for line, units in before.items()}
    had = of_channel(order.parts, before)
    has = of_channel(order.parts, after)
    return had, {line: units - had[line] for line, units in has.items() if units > had[line]}


def gone_from_channel(order: StoredOrder, cancelled: Mapping[str, int]) -> dict[str, int]:
    """By the channel's lines: what is lost with ``cancelled`` units by order line, which ``order`` has booked."""
    now = {line.line_id: line.quantities.ordered - line.quantities.cancelled for line in order.lines}
    before = {line: units + cancelled.get(line, 0) for line, units in now.items()}
    left, had = of_channel(order.parts, now), of_channel(order.parts, before)
    return {line: units - left[line] for line, units in had.items() if units > left[line]}


def _component(line: LineDocument, part: Component) -> LineDocument:
    return LineDocument(
        external_id=f"{line.external_id}/{part.sku}",
        sku=part.sku,
        quantity=line.quantity * part.units,
        quantity_fulfilled=line.quantity_fulfilled * part.units,
        gift=line.gift,
        properties=line.properties,
        requires_shipping=line.requires_shipping,
        destination=line.destination,
        group=line.external_id,
        kit=line.sku,
        available_from=line.available_from,
        per_kit=part.units,
    )
