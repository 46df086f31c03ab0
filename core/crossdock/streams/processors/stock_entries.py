"""What one transaction books of stock: facts of nodes, and promises; written with a few set-based statements."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy import Connection

from crossdock.inventory.lots import LotMovement, lot_movement
from crossdock.inventory.position import Movement, Position
from crossdock.orders.effects import ReleaseAllocation
from crossdock.store import lots, reservations, ring_fences, stock
from crossdock.streams.processors.happenings import Fact, Occurrence, movement_of
from crossdock.streams.processors.limits import consume_fences
from crossdock.streams.processors.overtaking import refuse_overtaken

__all__ = ["StockEntries"]


class StockEntries:
    """Collected while orders change, booked once.

    Attributes:
        lapsed: Positions that have lapsed reservations, which others were promised already.
        fenced: Whether one of the positions that are promised from has a ring-fence.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.lapsed: set[tuple[str, str]] = set()
        self.fenced = False
        self._facts: list[tuple[Fact, Occurrence, datetime | None]] = []
        self._promises: list[Movement] = []
        self._to_come: list[Movement] = []

    def add(self, fact: Fact, occurrence: Occurrence, known_from: datetime | None) -> None:
        """Something happened to goods that were promised."""
        self._facts.append((fact, occurrence, known_from))

    def promise(self, movements: Iterable[Movement], *, to_come: bool = False) -> None:
        """Goods are allocated; the table refuses what is not there. What is to come is in no lot and no ring-fence."""
        (self._to_come if to_come else self._promises).extend(movements)

    def book(
        self, connection: Connection, of_line: Callable[[str], tuple[str, str | None]], now: datetime
    ) -> None:
        """Write everything; ``of_line`` names channel and lot of a line of a fulfilment order."""
        if self._to_come:
            stock.book_promises(connection, self._to_come, now)
        self._book_facts(connection, now)
        if not self._promises:
            return
        if self.lapsed:
            # All rows at once, in the order of their keys: in two steps, two transactions would dead-lock.
            self.lapsed.update((each.sku, each.node) for each in self._promises)
            reservations.lock_positions(connection, sorted(self.lapsed), now)
        if connection.dialect.name != "sqlite":
            refuse_overtaken(connection, self._promises, of_line, self._left_in_lots(), now)
        stock.book_promises(connection, self._promises, now)
        if self.fenced:
            allocated = ((each, of_line(each.external_id)[0]) for each in self._promises)
            consume_fences(connection, allocated, now)

    def _left_in_lots(self) -> dict[tuple[str, str, str], int]:
        """Units that nobody is to pick any more, by SKU, node and lot."""
        units: dict[tuple[str, str, str], int] = {}
        for fact, _, _ in self._facts:
            if isinstance(fact, ReleaseAllocation) and fact.lot is not None:
                key = (fact.sku, fact.node, fact.lot)
                units[key] = units.get(key, 0) + fact.quantity
        return units

    def _book_facts(self, connection: Connection, now: datetime) -> None:
        if not self._facts:
            return
        keys = {(fact.sku, fact.node) for fact, _, _ in self._facts}
        positions = stock.load_positions(connection, sorted(keys), lock=True)
        movements: list[Movement] = []
        of_lots: list[LotMovement] = []
        for index, (fact, occurrence, known_from) in enumerate(self._facts):
            key = (fact.sku, fact.node)
            position = positions.get(key) or Position(*key)
            positions[key], movement = movement_of(position, fact, occurrence, known_from, index)
            if any(movement[3:7]):
                movements.append(movement)
                if fact.lot is not None and movement.on_hand:
                    of_lots.append(lot_movement(movement, fact.lot))
        stock.book_facts(connection, movements, now)
        lots.book(connection, of_lots, {}, now)
        called_off = [
            (fact.fulfilment_line, fact.sku, fact.node, fact.quantity)
            for fact, _, _ in self._facts
            if isinstance(fact, ReleaseAllocation)
        ]
        if called_off:
            ring_fences.give_back(connection, called_off, now)
