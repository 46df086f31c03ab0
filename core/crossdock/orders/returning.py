"""A return as the sum of what was asked for and what came: the same whatever came first, or twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from crossdock_schemas.returns import Condition, Disposition

__all__ = ["Asked", "Received", "ReturnedLine", "disposition_of", "returned_lines", "taken_back"]

_BY_CONDITION = {
    Condition.NEW: Disposition.RESTOCK,
    Condition.OPENED: Disposition.REFURBISH,
    Condition.DAMAGED: Disposition.SCRAP,
    Condition.DEFECTIVE: Disposition.SUPPLIER,
    Condition.WRONG_ITEM: Disposition.QUARANTINE,
    Condition.UNKNOWN: Disposition.QUARANTINE,
}
"""What happens to a unit for which the node names no disposition: only what is as new is sold again."""


class Asked(Struct, frozen=True):
    """Units of a SKU that the buyer wants to send back; of any order line where none is named."""

    order_line: str | None
    sku: str
    quantity: int


class Received(Struct, frozen=True):
    """Units of a SKU that came, all in one condition."""

    order_line: str | None
    sku: str
    quantity: int
    condition: Condition
    disposition: Disposition


class ReturnedLine(Struct, frozen=True):
    """What was asked for and what came of it; condition and disposition where all units have the same."""

    number: int
    order_line: str | None
    sku: str
    requested: int
    received: int
    condition: Condition | None = None
    disposition: Disposition | None = None


def disposition_of(condition: Condition, named: Disposition | None) -> Disposition:
    """What happens to units: what the node says, else what goes with their condition."""
    return named or _BY_CONDITION[condition]


def returned_lines(asked: Sequence[Asked], received: Sequence[Received]) -> tuple[ReturnedLine, ...]:
    """The lines of a return: those asked for, in their order; then what nobody asked for, a line for each SKU.

    Units fill the lines of their SKU up to what was asked; the rest of them is unasked for.

    Args:
        asked: By the buyer; empty for a blind return.
        received: By any node, in an order that does not depend on when it was heard of.
    """
    filled: list[list[Received]] = [[] for _ in asked]
    room = [line.quantity for line in asked]
    surplus: dict[str, list[Received]] = {}
    for came in received:
        left = came.quantity
        for index, line in enumerate(asked):
            if line.sku != came.sku or not _same_line(line.order_line, came.order_line):
                continue
            units = min(left, room[index])
            if units:
                room[index] -= units
                left -= units
                filled[index].append(_some(came, units))
        if left:
            surplus.setdefault(came.sku, []).append(_some(came, left))
    wanted = [
        _line(n, line.order_line, line.sku, line.quantity, filled[n - 1]) for n, line in enumerate(asked, 1)
    ]
    unasked = [
        _line(n, units[0].order_line, sku, 0, units)
        for n, (sku, units) in enumerate(sorted(surplus.items()), len(asked) + 1)
    ]
    return (*wanted, *unasked)


def taken_back(
    came: Iterable[Received], lines: Iterable[tuple[str, str]], left_of: Mapping[str, int]
) -> list[tuple[str, Received]]:
    """The order lines that received units belong to, each with its part of them.

    Args:
        came: What came.
        lines: Line and SKU of the order, in its order.
        left_of: By line, the units that have left and are not back.
    """
    room = dict(left_of)
    known = list(lines)
    found: list[tuple[str, Received]] = []
    for each in came:
        left = each.quantity
        for line, sku in known:
            if sku != each.sku or not _same_line(line, each.order_line):
                continue
            units = max(0, min(left, room.get(line, 0)))
            if units:
                room[line] -= units
                left -= units
                found.append((line, _some(each, units)))
    return found


def _same_line(line: str | None, named: str | None) -> bool:
    return line is None or named is None or line == named


def _some(came: Received, units: int) -> Received:
    return Received(came.order_line, came.sku, units, came.condition, came.disposition)


def _line(
    number: int, order_line: str | None, sku: str, requested: int, units: Sequence[Received]
) -> ReturnedLine:
    conditions, dispositions = {each.condition for each in units}, {each.disposition for each in units}
    return ReturnedLine(
        number,
        order_line,
        sku,
        requested,
        sum(each.quantity for each in units),
        conditions.pop() if len(conditions) == 1 else None,
        dispositions.pop() if len(dispositions) == 1 else None,
    )
