"""The state of an order, derived from its lines: it can't say anything else than they do."""

from __future__ import annotations

from collections.abc import Iterable

from crossdock.orders.life_cycles import OrderState
from crossdock.orders.quantities import LineQuantities

__all__ = ["derive_state"]


def derive_state(
    lines: Iterable[LineQuantities], *, on_hold: bool = False, reported: bool = False
) -> OrderState:
    """Say how far an order is.

    Args:
        lines: All its lines.
        on_hold: Whether a hold is on it; goods that left win over a hold.
        reported: Whether every shipment and posting was confirmed by those who had to hear of it.
    """
    live = allocated = shipped = 0
    for line in lines:
        live += line.ordered - line.cancelled
        allocated += line.allocated
        shipped += line.shipped
    if live == 0:
        return OrderState.CANCELLED
    if shipped == live:
        return OrderState.CLOSED if reported else OrderState.SHIPPED
    if shipped:
        return OrderState.PARTLY_SHIPPED
    if on_hold:
        return OrderState.ON_HOLD
    if allocated == live:
        return OrderState.ROUTED
    return OrderState.PARTLY_ROUTED if allocated else OrderState.RECEIVED
