"""An order of lines ``L1``, ``L2`` …, all given to one node."""

from __future__ import annotations

from crossdock.orders.fulfilment import Fulfilment, FulfilmentLine, Quantities, request
from crossdock.orders.life_cycles import FulfilmentState
from crossdock.orders.quantities import LineQuantities

__all__ = ["open_order", "requested_order"]


def open_order(*units: int, node: str = "DC-1") -> tuple[Fulfilment, Quantities]:
    lines = tuple(
        FulfilmentLine(f"F{number}", f"L{number}", f"SKU-{number}", quantity)
        for number, quantity in enumerate(units, 1)
    )
    fulfilment = Fulfilment("FO-1", "ORDER-1", node, FulfilmentState.OPEN, lines, frozenset({"DC-0"}))
    quantities = {line.order_line: LineQuantities(line.quantity).allocate(line.quantity) for line in lines}
    return fulfilment, quantities


def requested_order(*units: int) -> tuple[Fulfilment, Quantities]:
    asked = request(*open_order(*units))
    return asked.fulfilment, asked.quantities
