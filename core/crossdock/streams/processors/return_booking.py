"""What returned units change in stock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from crossdock.inventory import facts
from crossdock.inventory.facts import News
from crossdock.inventory.position import Movement, Position
from crossdock.store import stock
from crossdock.store.returns import ReceiptLine
from crossdock.streams.processor import Transaction
from crossdock_schemas.returns import Disposition

__all__ = ["return_movements"]


def return_movements(
    tx: Transaction, node: str, news: Sequence[ReceiptLine], graded: Sequence[ReceiptLine]
) -> list[Movement]:
    """What the lines change in stock: what is scrapped is not stock, what is not as new is held back. What was held
    back until it was ``graded`` is on sale, or gone, from then on.
    """
    movements: list[Movement] = []
    skus = [line.sku for line in (*news, *graded)]
    positions = stock.load_node_positions(tx.connection, node, skus)

    def book(line: ReceiptLine, change: Callable[[Position, News], facts.Change]) -> None:
        told = News(line.source, f"return:{line.external_id}#{line.number}", line.received_at)
        changed = change(positions.get(line.sku) or Position(line.sku, node), told)
        positions[line.sku] = changed.position
        movements.append(changed.movement)

    for line in news:
        if line.disposition != Disposition.SCRAP:
            sellable = line.disposition == Disposition.RESTOCK
            book(line, partial(_restock, line.quantity, sellable))
    for line in graded:
        if line.disposition in (Disposition.RESTOCK, Disposition.SCRAP):
            book(line, partial(_release, line.quantity))
        if line.disposition == Disposition.SCRAP:
            book(line, partial(_scrap, line.quantity))
    return movements


def _restock(units: int, sellable: bool, position: Position, told: News) -> facts.Change:
    return facts.restock(position, units, told, sellable=sellable)


def _release(units: int, position: Position, told: News) -> facts.Change:
    return facts.quarantine(position, -units, told)


def _scrap(units: int, position: Position, told: News) -> facts.Change:
    return facts.adjust(position, -units, told)
