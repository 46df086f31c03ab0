"""The books of one transaction: orders and fulfilment orders as loaded, changed, and written at its end.

Pure functions decide, ``Books`` carries out what they ask for: inventory movements, commands, re-routes,
work items. Everything is collected and written by ``close`` with a few set-based statements.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import assert_never

from msgspec.structs import replace

from crossdock.inventory.position import Movement
from crossdock.orders.effects import (
    CallOff,
    Effect,
    LineUnits,
    NotComing,
    RaiseWork,
    ReleaseAllocation,
    ReportCancellation,
    ReportShipment,
    RequestCancellation,
    Reroute,
    ShipAllocation,
    ShipUnasked,
    WriteOff,
)
from crossdock.orders.fulfilment import Fulfilment, FulfilmentChange, Quantities, own_quantities
from crossdock.orders.holds import active
from crossdock.orders.life_cycles import OrderState
from crossdock.orders.order_state import derive_state
from crossdock.orders.worklist import Cause, WorkItem, open_item
from crossdock.store import capacity, commands, decision_log, fulfilments, order_book, stock
from crossdock.store.catalogue import Component, components_of
from crossdock.store.commands import CommandRow
from crossdock.store.decision_log import DecisionRow
from crossdock.store.fulfilments import StoredFulfilment
from crossdock.store.order_book import StoredOrder
from crossdock.store.worklist import raise_items
from crossdock.streams.processor import Transaction
from crossdock.streams.processors.asking import node_command, unasked
from crossdock.streams.processors.consolidating import change_cover, follow
from crossdock.streams.processors.documents import OrderDocument, read
from crossdock.streams.processors.exploding import by_order, explode
from crossdock.streams.processors.freeing import freed
from crossdock.streams.processors.happenings import Acknowledge, Occurrence
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.outgoing import cancellation, reroute, untold_cancellation
from crossdock.streams.processors.purchasing import purchase_orders
from crossdock.streams.processors.settling import Settlements
from crossdock.streams.processors.stock_entries import StockEntries

__all__ = ["Books"]


class Books:
    """Orders and fulfilment orders of one transaction. Load, change, and ``close`` once at the end."""

    def __init__(self, hub: Hub, tx: Transaction) -> None:
        """Work in ``tx``."""
        self.hub = hub
        self.tx = tx
        self.orders: dict[str, StoredOrder] = {}
        self.fulfilments: dict[str, StoredFulfilment] = {}
        self.shipped: list[tuple[ReportShipment, Occurrence]] = []
        self._fulfilments_of: dict[str, dict[str, None]] = {}
        self._documents: dict[bytes, OrderDocument] = {}
        self._components: dict[str, tuple[Component, ...]] = {}
        self._loaded: set[str] = set()
        self._changed_orders: dict[str, None] = {}
        self._changed_fulfilments: dict[str, None] = {}
        self.entries = StockEntries()
        self._decisions: list[DecisionRow] = []
        self._commands: list[CommandRow] = []
        self._cancelled: dict[str, tuple[dict[str, int], str]] = {}
        self._before: dict[str, Fulfilment] = {}
        self._items: list[tuple[WorkItem, str | None]] = []
        self.settlements = Settlements()

    def load(self, order_ids: Iterable[str]) -> None:
        """Load orders with all their fulfilment orders; those that are loaded stay as they are."""
        missing = {each for each in order_ids if each not in self._loaded}
        self._loaded |= missing
        found = order_book.load_orders(self.tx.connection, missing)
        self.settlements.loaded(found.values())
        self.orders.update(found)
        if any(order.decisions for order in found.values()):
            of_orders = fulfilments.load_fulfilments_of_orders(self.tx.connection, found)
            for group in of_orders.values():
                for each in group:
                    self._keep(each)
                    self._before[each.id] = each.fulfilment

    def load_fulfilments(self, ids: Iterable[str]) -> None:
        """Load the orders that fulfilment orders belong to, with all their fulfilment orders."""
        missing = [each for each in ids if each not in self.fulfilments]
        found = fulfilments.load_fulfilments(self.tx.connection, missing)
        self.load(stored.fulfilment.order for stored in found.values())

    def of_order(self, order_id: str) -> list[StoredFulfilment]:
        """The fulfilment orders of an order, in the order in which they were made."""
        mine = [self.fulfilments[each] for each in self._fulfilments_of.get(order_id, ())]
        return sorted(mine, key=lambda stored: stored.number)

    def document(self, body: bytes) -> OrderDocument:
        """An order's document, decoded once."""
        found = self._documents.get(body)
        if found is None:
            found = self._documents[body] = read(body, OrderDocument)
        return found

    def components_of(self, skus: Collection[str]) -> Mapping[str, tuple[Component, ...]]:
        """What each of ``skus`` is made of, nothing if it is no kit; the database is asked once about each."""
        unknown = [sku for sku in skus if sku not in self._components]
        if unknown:
            found = components_of(self.tx.connection, unknown)
            self._components.update((sku, found.get(sku, ())) for sku in unknown)
        return self._components

    def document_of(self, order: StoredOrder) -> OrderDocument:
        """An order's document, with the components of its kits in place of them."""
        document = self.document(order.document)
        kits = by_order(order)
        return explode(document, lambda line: kits.get(line.external_id, ())) if kits else document

    def put_order(self, order: StoredOrder) -> None:
        """Keep a new or changed order."""
        self.orders[order.id] = order
        self._loaded.add(order.id)
        self._changed_orders[order.id] = None

    def put_fulfilment(self, stored: StoredFulfilment) -> None:
        """Keep a new or changed fulfilment order."""
        self._keep(stored)
        self._changed_fulfilments[stored.id] = None

    def put_quantities(self, order_id: str, quantities: Quantities, **changes: object) -> StoredOrder:
        """Change where the units of an order's lines are, and with them its state, and other fields."""
        order = self.orders[order_id]
        lines = tuple(
            [
                line
                if quantities.get(line.line_id, line.quantities) == line.quantities
                else replace(line, quantities=quantities[line.line_id])
                for line in order.lines
            ]
        )
        order = replace(order, lines=lines, **changes)
        held = bool(active(order.holds, self.tx.now))
        reported = order.state is OrderState.CLOSED
        state = derive_state((line.quantities for line in lines), on_hold=held, reported=reported)
        order = replace(order, state=state)
        self.put_order(order)
        return order

    def quantities_of(self, stored: StoredFulfilment) -> Quantities:
        """The lines that a fulfilment order counts in: its order's, unless its goods go to another node first."""
        fulfilment = stored.fulfilment
        return own_quantities(fulfilment) if fulfilment.to_node else self.orders[fulfilment.order].quantities

    def count_in(self, stored: StoredFulfilment, quantities: Quantities) -> None:
        """Keep the lines that a change of a fulfilment order has changed, see ``quantities_of``."""
        if not stored.fulfilment.to_node:
            self.put_quantities(stored.fulfilment.order, quantities)

    def apply(self, stored: StoredFulfilment, change: FulfilmentChange, occurrence: Occurrence) -> None:
        """Keep a change of a fulfilment order, and carry out what it asks for."""
        self.put_fulfilment(replace(stored, fulfilment=change.fulfilment))
        self.count_in(stored, change.quantities)
        self.carry_out(change.effects, occurrence)

    def carry_out(self, effects: Iterable[Effect], occurrence: Occurrence) -> None:
        """Do what a pure function asks for."""
        for effect in effects:
            match effect:
                case ReleaseAllocation() | ShipAllocation():
                    stored = self.fulfilments[effect.fulfilment_line.rpartition("-")[0]]
                    self.entries.add(effect, occurrence, stored.known_from)
                case WriteOff() | ShipUnasked():
                    self.entries.add(effect, occurrence, None)
                case Reroute():
                    self._reroute(effect, occurrence)
                case CallOff() | NotComing():
                    follow(self, effect, occurrence)
                case RequestCancellation():
                    self.command_node("fulfilment.cancel", self.fulfilments[effect.fulfilment_order])
                case ReportShipment():
                    self.shipped.append((effect, occurrence))
                case ReportCancellation():
                    self._report_cancellation(effect)
                case RaiseWork():
                    self.raise_work(effect.cause, effect.subject, effect.message)
                case _:
                    assert_never(effect)

    def tell_cancelled(self, order_id: str, lines: Iterable[LineUnits], reason: str) -> None:
        """Tell the channel at the end what will not be shipped, all of an order in one document."""
        told = self._cancelled.setdefault(order_id, ({}, reason))[0]
        for line in lines:
            told[line.order_line] = told.get(line.order_line, 0) + line.quantity

    def acknowledge(self, stored: StoredFulfilment, occurrence: Occurrence) -> StoredFulfilment:
        """Keep the first instant at which the node certainly knew of a fulfilment order."""
        if stored.known_from is not None and stored.known_from <= occurrence.at:
            return stored
        fulfilment = stored.fulfilment
        for line in fulfilment.lines:
            if line.open:
                read = Acknowledge(line.id, line.sku, fulfilment.node, line.open, line.lot)
                self.entries.add(read, occurrence, stored.known_from)
        known = replace(stored, known_from=occurrence.at)
        self.put_fulfilment(known)
        return known

    def promise(self, movements: Sequence[Movement], *, to_come: bool = False) -> None:
        """Book allocations at the end; the table refuses what is not there, or not ``to_come``."""
        self.entries.promise(movements, to_come=to_come)

    def decide(self, row: DecisionRow) -> None:
        """Keep a decision at the end."""
        self._decisions.append(row)

    def command(self, row: CommandRow) -> None:
        """Put a command into the outbox at the end."""
        self._commands.append(row)

    def command_node(self, name: str, stored: StoredFulfilment, payload: bytes | None = None) -> None:
        """Ask the node of a fulfilment order; one without a connection is a work item for people."""
        if not self.hub.does(stored.connection, name):
            self.raise_work(Cause.CONSTRAINT_UNMET, f"fulfilment_order:{stored.id}", unasked(stored, name))
            return
        order = self.orders[stored.fulfilment.order]
        self.command(node_command(order, stored, name, payload, self.tx.now))

    def raise_work(
        self, cause: Cause, subject: str, message: str, *, order_id: str | None = None, fix: str = ""
    ) -> None:
        """Open a work item at the end; the order is found by the subject where it is not given."""
        kind, _, subject_id = subject.partition(":")
        deadline = None
        if kind == "order":
            order_id = order_id or subject_id
        elif kind == "fulfilment_order" and subject_id in self.fulfilments:
            stored = self.fulfilments[subject_id]
            order_id, deadline = stored.fulfilment.order, stored.ship_by
        due = self.hub.config.worklist.due
        item = open_item(cause, subject, message, self.tx.now, deadline=deadline, fix=fix, due=due)
        self._items.append((item, order_id))

    def close(self) -> None:
        """Write everything, in a few statements."""
        now, connection = self.tx.now, self.tx.connection
        orders = [self.orders[each] for each in self._changed_orders]
        changed = [self.fulfilments[each] for each in self._changed_fulfilments]
        less_to_come = change_cover(self.tx, self._before, changed)
        self.entries.book(connection, self._of_line, now)
        stock.change_cover(connection, less_to_come)
        order_book.save_orders(connection, orders, now)
        fulfilments.save_fulfilments(connection, changed, now)
        self.settlements.write(connection, orders, changed, now)
        if self.hub.network.limited:
            capacity.give_back(connection, freed(self.hub.network, self._before, changed))
        decision_log.add(connection, self._decisions)
        for order_id, (units, reason) in self._cancelled.items():
            self._commands += cancellation(self.hub, self.orders[order_id], units, reason, now)
            for subject, words in untold_cancellation(self.hub, self.orders[order_id], units, reason):
                self.raise_work(Cause.TELL_BY_HAND, subject, words, order_id=order_id)
        bought = purchase_orders(self.hub, connection, self._before, changed, self, now)
        commands.enqueue(connection, [*self._commands, *bought])
        if self._items:
            raise_items(connection, self._items, now)

    def _of_line(self, name: str) -> tuple[str, str | None]:
        """The channel of the order that a line of a fulfilment order belongs to, and the lot it is picked from."""
        found = self.fulfilments.get(name.rpartition("-")[0])
        if found is None:
            return "", None
        lot = next((line.lot for line in found.fulfilment.lines if line.id == name), None)
        return self.orders[found.fulfilment.order].channel, lot

    def _keep(self, stored: StoredFulfilment) -> None:
        self.fulfilments[stored.id] = stored
        self._fulfilments_of.setdefault(stored.fulfilment.order, {})[stored.id] = None

    def _report_cancellation(self, effect: ReportCancellation) -> None:
        known = self.fulfilments.get(effect.fulfilment_order)
        if known is not None and known.cancel_reason is not None:
            self.tell_cancelled(effect.order, effect.lines, known.cancel_reason)

    def _reroute(self, effect: Reroute, occurrence: Occurrence) -> None:
        self.tx.emit(reroute(self.orders[effect.order], occurrence.id, occurrence.id, effect.exclude_nodes))
