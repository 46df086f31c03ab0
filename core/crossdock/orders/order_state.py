"""The state of an order, derived from its lines: it can't say anything else than they do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from crossdock.orders.life_cycles import OrderState
from crossdock.orders.quantities import LineQuantities

__all__ = ["OrderTotals", "derive_state", "order_totals"]


@dataclass(frozen=True, slots=True)
class OrderTotals:
    """Units of all lines of an order; the names are those of ``LineQuantities``."""

    ordered: int = 0
    cancelled: int = 0
    allocated: int = 0
    requested: int = 0
    shipped: int = 0
    short: int = 0
    returned: int = 0
    over_shipped: int = 0


def order_totals(lines: Iterable[LineQuantities]) -> OrderTotals:
    """Sum the units of an order's lines."""
    names = [field.name for field in fields(OrderTotals)]
    held = list(lines)
    return OrderTotals(*(sum(getattr(line, name) for line in held) for name in names))


def derive_state(
    lines: Iterable[LineQuantities], *, on_hold: bool = False, reported: bool = False
) -> OrderState:
    """Say how far an order is.

    Args:
        lines: All its lines.
        on_hold: Whether a hold is on it; goods that left win over a hold.
        reported: Whether every shipment and posting was confirmed by those who had to hear of it.
    """
    total = order_totals(lines)
    live = total.ordered - total.cancelled
    if live == 0:
        return OrderState.CANCELLED
    if total.shipped == live:
        return OrderState.CLOSED if reported else OrderState.SHIPPED
    if total.shipped:
        return OrderState.PARTLY_SHIPPED
    if on_hold:
        return OrderState.ON_HOLD
    if total.allocated == live:
        return OrderState.ROUTED
    return OrderState.PARTLY_ROUTED if total.allocated else OrderState.RECEIVED
