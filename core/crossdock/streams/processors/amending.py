"""Amending an order: what would come of it, and doing it. Both are the same work; a preview is rolled back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec.structs import replace
from pydantic import ValidationError

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.orders.effects import LineUnits
from crossdock.orders.fulfilment import Fulfilment
from crossdock.orders.kits import of_channel, of_components
from crossdock.store.order_book import StoredOrder
from crossdock.streams.processor import Message, Transaction
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.cancelling import being_cancelled, cancel, cancellable
from crossdock.streams.processors.happenings import Occurrence
from crossdock.streams.processors.holding import resume
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.order_versions import newer_version
from crossdock.streams.processors.ordering import kept_from_routing, tried_nodes
from crossdock.streams.processors.placing import place
from crossdock.streams.processors.telling_by_hand import tell_by_hand, untold_less, untold_more
from crossdock.streams.topics import ORDERS
from crossdock_schemas.order import Order

__all__ = ["AmendedOrder", "Amendment", "NewFulfilment", "NotDoneError", "amend_order"]


@dataclass(frozen=True, slots=True)
class Amendment:
    """What people want of an order.

    Attributes:
        quantities: Units wanted by the channel's line in all; 0 takes the line out.
        lines: Lines to add, as canonical ``OrderLine``.
        addresses: New addresses by the order's destination, as canonical ``Address``.
        reason: Of what is cancelled, for the channel.
    """

    quantities: Mapping[str, int] = field(default_factory=dict)
    lines: Sequence[Mapping[str, Any]] = ()
    addresses: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NewFulfilment:
    """A node that is to ship because of the amendment."""

    node: str
    lines: tuple[LineUnits, ...]


@dataclass(frozen=True, slots=True)
class AmendedOrder:
    """What comes of an amendment, by order line.

    Attributes:
        cancelled: Will not be shipped any more.
        asked: At nodes, which are asked to cancel and may refuse.
        placed: What is decided anew.
        unplaced: What waits for stock, or for people.
        impossible: What can't be done, in words. Then nothing of it is done.
        by_hand: What the channel can't be told by message: a work item says so.
    """

    cancelled: tuple[LineUnits, ...]
    asked: tuple[LineUnits, ...]
    placed: tuple[NewFulfilment, ...]
    unplaced: tuple[LineUnits, ...]
    impossible: tuple[str, ...]
    by_hand: tuple[str, ...] = ()


class NotDoneError(Exception):
    """Undoes an amendment that was a preview, or can't be done; ``found`` is what would come of it."""

    def __init__(self, found: AmendedOrder) -> None:
        """Carry ``found`` out of the transaction."""
        super().__init__("; ".join(found.impossible) or "a preview")
        self.found = found


def amend_order(
    hub: Hub, tx: Transaction, order_id: str, wanted: Amendment, cause: str, *, preview: bool = False
) -> AmendedOrder:
    """Amend an order in this transaction.

    Args:
        cause: Id of the wish.
        preview: Only find out what would come of it.

    Raises:
        RecordRejectedError: There is no such order, or what is wanted is no valid order.
        NotDoneError: It was a preview, or can't be done: the transaction must not be committed.
    """
    found = _amended(hub, tx, order_id, wanted, cause)
    if preview or found.impossible:
        raise NotDoneError(found)
    return found


def _amended(hub: Hub, tx: Transaction, order_id: str, wanted: Amendment, cause: str) -> AmendedOrder:
    books = Books(hub, tx)
    books.load([order_id])
    order = books.orders.get(order_id)
    if order is None:
        raise RecordRejectedError(Rejection("orders.missing", f"there is no order {order_id!r}"))
    live = _live(order)
    impossible = _impossible(books, order, wanted, live)
    if impossible:
        return AmendedOrder((), (), (), (), impossible)
    cancelled_before = {line.line_id: line.quantities.cancelled for line in order.lines}
    asked_before, known = being_cancelled(books, order_id), {each.id for each in books.of_order(order_id)}
    more = untold_more(books, order, live, wanted.quantities, wanted.lines, wanted.addresses)
    tell_by_hand(books, order, more, cause)
    by_hand = (*untold_less(books, order, live, wanted.quantities), *more)
    _cancel_less(books, order, wanted, live, cause)
    _bring_more(books, order_id, wanted, live, cause)
    resume(books, order_id)
    if not kept_from_routing(books, order_id):
        place(books, {order_id: tried_nodes(books, order_id)}, "amended")
    after = books.orders[order_id]
    books.close()
    made = [each for each in books.of_order(order_id) if each.id not in known]
    asked = being_cancelled(books, order_id)
    return AmendedOrder(
        cancelled=_units(
            {
                each.line_id: each.quantities.cancelled - cancelled_before.get(each.line_id, 0)
                for each in after.lines
            }
        ),
        asked=_units({line: units - asked_before.get(line, 0) for line, units in asked.items()}),
        placed=tuple(_new_fulfilment(each.fulfilment) for each in made),
        unplaced=_units({each.line_id: each.quantities.unallocated for each in after.lines}),
        impossible=(),
        by_hand=by_hand,
    )


def _live(order: StoredOrder) -> dict[str, int]:
    """Units still wanted by the channel's line, shipped ones too."""
    return of_channel(
        order.parts,
        {line.line_id: line.quantities.ordered - line.quantities.cancelled for line in order.lines},
    )


def _impossible(
    books: Books, order: StoredOrder, wanted: Amendment, live: Mapping[str, int]
) -> tuple[str, ...]:
    """Why the amendment can't be done, one sentence for each reason."""
    left = cancellable(books, order.id)
    asked = being_cancelled(books, order.id)
    said = [
        f"there is no line {line!r}; there are {', '.join(live)}"
        for line in wanted.quantities
        if line not in live
    ]
    for line, units in wanted.quantities.items():
        if line in live and units < live[line]:
            parts = of_components(order.parts, {line: live[line] - units})
            short = [part for part, less in parts.items() if less > left[part] + asked.get(part, 0)]
            said += [
                f"line {part}: too much of it has left already; offer a return instead" for part in short
            ]
    destinations = {each.id for each in books.document(order.document).destinations}
    said += [
        f"there is no destination {name!r}; there are {', '.join(sorted(destinations)) or 'none'}"
        for name in wanted.addresses
        if name not in destinations
    ]
    said += [
        f"{each.id} is at node {each.fulfilment.node}, which has the old address: cancel its lines first"
        for each in books.of_order(order.id)
        if each.destination in wanted.addresses and each.fulfilment.requested and each.fulfilment.open
    ]
    return tuple(said)


def _cancel_less(
    books: Books, order: StoredOrder, wanted: Amendment, live: Mapping[str, int], cause: str
) -> None:
    """Cancel what is wanted less of, beyond what is being cancelled, and tell the channel."""
    less = {line: live[line] - units for line, units in wanted.quantities.items() if units < live[line]}
    asked = being_cancelled(books, order.id)
    units = {
        line: more
        for line, number in of_components(order.parts, less).items()
        if (more := number - asked.get(line, 0)) > 0
    }
    occurrence = Occurrence(cause, "hub", books.tx.now)
    cancel(books, order.id, units, wanted.reason, occurrence, tell_channel=True)


def _bring_more(books: Books, order_id: str, wanted: Amendment, live: Mapping[str, int], cause: str) -> None:
    """Bring the order to a version that wants more; a later version of the channel has the last word."""
    order = books.orders[order_id]
    more = {line: units - live[line] for line, units in wanted.quantities.items() if units > live[line]}
    if not (more or wanted.lines or wanted.addresses):
        return
    document = msgspec.json.decode(order.document)
    for line in document["lines"]:
        if line["external_id"] in more:
            line["quantity"] = wanted.quantities[line["external_id"]]
    extra = of_components(order.parts, more)
    quantities = {
        line: replace(units, ordered=units.ordered + extra.get(line, 0))
        for line, units in order.quantities.items()
    }
    books.put_quantities(order_id, quantities)
    document["lines"] += [dict(line) for line in wanted.lines]
    for destination in document.get("destinations", ()):
        destination["address"] = wanted.addresses.get(destination["id"], destination.get("address"))
    document["version"] = f"{order.version}+"  # after the channel's version, and before its next
    body = _valid(document)
    headers = {"schema": "order/1", "connection": order.connection, "correlation_id": order.correlation_id}
    newer_version(books, Message(cause, ORDERS, order_id, body, headers), books.orders[order_id])


def _valid(document: Mapping[str, Any]) -> bytes:
    try:
        order = Order.model_validate_json(msgspec.json.encode(document))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = "$" + "".join(f".{step}" for step in first["loc"])
        raise RecordRejectedError(
            Rejection("orders.invalid", f"{path}: {first['msg']}", path=path)
        ) from error
    return order.__pydantic_serializer__.to_json(order, exclude_defaults=True)


def _new_fulfilment(fulfilment: Fulfilment) -> NewFulfilment:
    return NewFulfilment(
        fulfilment.node, _units({line.order_line: line.quantity for line in fulfilment.lines})
    )


def _units(units: Mapping[str, int]) -> tuple[LineUnits, ...]:
    return tuple([LineUnits(line, number) for line, number in units.items() if number > 0])
