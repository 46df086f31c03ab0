"""What people do about work items: assign, close, or have the hub do what it proposes. One transaction an item."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.orders.consolidating import lost, under_way
from crossdock.orders.life_cycles import FulfilmentState
from crossdock.orders.node_answers import apply_rejection
from crossdock.orders.worklist import Action
from crossdock.store import dead_letters, worklist
from crossdock.store.commands import CommandState
from crossdock.store.stopped_commands import StoppedCommand, reopen
from crossdock.store.worklist import ItemRow
from crossdock.streams.processor import Message, Transaction
from crossdock.streams.processors.believing import believe_feed
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.documents import encode
from crossdock.streams.processors.giving_up import cancel_rest
from crossdock.streams.processors.happenings import Occurrence
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.ordering import kept_from_routing, tried_nodes
from crossdock.streams.processors.placing import place
from crossdock.streams.topics import OUTCOMES

__all__ = ["Deed", "DeedResult", "apply", "assign", "failed", "resolve"]


class DeedResult(NamedTuple):
    """What became of one item: whether what was asked for was done, whether it is open still, and in words."""

    id: int
    done: bool
    state: str
    said: str


Deed = Callable[[Transaction, int], DeedResult]
"""Something that is done to an item, by its id."""


def assign(to: str | None) -> Deed:
    """Say who has taken items on; None: nobody."""

    def deed(tx: Transaction, item: int) -> DeedResult:
        row = _open(tx, item)
        worklist.assign(tx.connection, item, to, tx.now)
        return DeedResult(item, True, row.state, f"assigned to {to}" if to else "assigned to nobody")

    return deed


def resolve(resolution: str, by: str) -> Deed:
    """Close items with what was decided."""

    def deed(tx: Transaction, item: int) -> DeedResult:
        _open(tx, item)
        worklist.resolve(tx.connection, item, resolution, by, tx.now)
        return DeedResult(item, True, "done", resolution)

    return deed


def apply(hub: Hub, action: Action | None, reason: str, by: str) -> Deed:
    """Have the hub do what it proposes, or ``action``.

    Args:
        hub: Of whose configuration.
        action: None: what each item proposes first.
        reason: Why a person wants it; where something is cancelled it is needed.
        by: Who wants it.
    """

    def deed(tx: Transaction, item: int) -> DeedResult:
        row = _open(tx, item)
        wanted = _wanted(row, action)
        if wanted is Action.CANCEL and not reason:
            raise _refused(
                "work_item.no_reason", "say why the units are to be cancelled: the order keeps the reason"
            )
        said = _DEEDS[wanted](hub, tx, row, reason)
        after = worklist.load_item(tx.connection, item)
        assert after is not None
        over = after.state == "done" or wanted in _ENDS_THE_ITEM
        if over:
            worklist.resolve(tx.connection, item, f"{wanted}: {said}", by, tx.now)
        return DeedResult(item, over, "done" if over else "open", said)

    return deed


def failed(item: int, why: str) -> DeedResult:
    """The result of an item whose transaction was undone."""
    return DeedResult(item, False, "open", why)


_ENDS_THE_ITEM = frozenset({Action.PROBE_AGAIN, Action.SEND_AGAIN, Action.MARK_APPLIED, Action.EXCLUDE_NODE})
"""Actions after which there is nothing left to decide; where they fail, the item opens again by itself."""


def _open(tx: Transaction, item: int) -> ItemRow:
    row = worklist.load_item(tx.connection, item)
    if row is None or row.state != "open":
        raise _refused("work_item.closed", f"there is no open work item {item}")
    return row


def _wanted(row: ItemRow, action: Action | None) -> Action:
    if not row.actions:
        raise _refused(
            "work_item.no_action",
            f"nothing can be done about {row.cause} of {row.subject} but by hand: {row.fix}",
        )
    if action is not None and action not in row.actions:
        choice = ", ".join(row.actions)
        raise _refused(
            "work_item.wrong_action", f"{action} does not go with {row.subject}; there is {choice}"
        )
    return action or row.actions[0]


def _route_again(hub: Hub, tx: Transaction, row: ItemRow, reason: str) -> str:
    books, name = Books(hub, tx), row.subject.partition(":")[2]
    books.load([name])
    if name not in books.orders:
        raise _refused("work_item.gone", f"there is no order {name}")
    if kept_from_routing(books, name):
        raise _refused("work_item.on_hold", f"order {name} is on hold, and is routed when the hold ends")
    before = len(books.of_order(name))
    place(books, {name: tried_nodes(books, name)}, reason or "by hand")
    books.close()
    nodes = [stored.fulfilment.node for stored in books.of_order(name)[before:]]
    rest = books.orders[name].reason
    if rest is None:
        return f"it goes to {', '.join(nodes)}" if nodes else "every unit is placed or cancelled"
    return f"a part goes to {', '.join(nodes)}; {rest}" if nodes else rest


def _cancel(hub: Hub, tx: Transaction, row: ItemRow, reason: str) -> str:
    books, name = Books(hub, tx), row.subject.partition(":")[2]
    books.load([name])
    if name not in books.orders:
        raise _refused("work_item.gone", f"there is no order {name}")
    units = cancel_rest(books, books.orders[name], reason)
    books.close()
    told = (
        " and the channel told" if hub.does(books.orders[name].connection, "order.cancel") and units else ""
    )
    return f"{units} units are cancelled{told}: {reason}"


def _exclude_node(hub: Hub, tx: Transaction, row: ItemRow, reason: str) -> str:
    """As if the node had refused: the order goes on without it. Should it ship all the same, that is told."""
    books, name = Books(hub, tx), row.subject.partition(":")[2]
    books.load_fulfilments([name])
    stored = books.fulfilments.get(name)
    if stored is None or not (stored.fulfilment.open or any(under_way(stored.fulfilment).values())):
        raise _refused("work_item.gone", f"no unit of fulfilment order {name} is with a node any more")
    node, asked = stored.fulfilment.node, stored.fulfilment.state is not FulfilmentState.OPEN
    occurrence = Occurrence(f"work_item:{row.id}:{tx.now.isoformat()}", "hub", tx.now)
    if not stored.fulfilment.open:
        books.apply(stored, lost(stored.fulfilment), occurrence)
        books.close()
        return f"{name} of {node} counts as lost on the way, and is routed again"
    quantities = books.quantities_of(stored)
    books.apply(stored, apply_rejection(stored.fulfilment, quantities, occurrence.id), occurrence)
    told = hub.does(stored.connection, "fulfilment.cancel")
    if asked and told:
        books.command_node("fulfilment.cancel", stored)
    books.close()
    by_hand = "" if told or not asked else f"; tell {node} not to ship {name}, it can't be told by message"
    return f"{name} is taken from {node} and routed to others{by_hand}"


def _again(state: CommandState, said: str) -> Callable[[Hub, Transaction, ItemRow, str], str]:
    def action(hub: Hub, tx: Transaction, row: ItemRow, reason: str) -> str:
        command = _reopened(tx, row, state)
        return f"{command.connection} {said} {command.name}"

    return action


def _mark_applied(hub: Hub, tx: Transaction, row: ItemRow, reason: str) -> str:
    command = _reopened(tx, row, CommandState.APPLIED)
    outcome = {
        "command": command.name,
        "connection": command.connection,
        "id": command.id,
        "state": CommandState.APPLIED.value,
        "refs": command.refs,
    }
    headers = {
        "schema": "outcome/1",
        "connection": command.connection,
        "correlation_id": command.correlation_id,
    }
    name = f"outcome:{command.id}/{command.attempts}"
    tx.emit(Message(name, OUTCOMES, command.order_key, encode(outcome), headers))
    return f"{command.name} counts as carried out by {command.connection}"


def _reopened(tx: Transaction, row: ItemRow, state: CommandState) -> StoppedCommand:
    command = reopen(tx.connection, int(row.subject.partition(":")[2]), state, tx.now)
    if command is None:
        raise _refused(
            "work_item.gone",
            f"{row.subject} waits for nobody: it is under way, was carried out, or was pruned",
        )
    return command


def _close_feed(hub: Hub, tx: Transaction, row: ItemRow, reason: str) -> str:
    return believe_feed(hub, tx, row.subject.partition(":")[2])


def _replay(hub: Hub, tx: Transaction, row: ItemRow, reason: str) -> str:
    topic = dead_letters.replay(tx.connection, int(row.subject.partition(":")[2]), tx.now)
    return f"it is on the topic {topic} again"


def _discard(hub: Hub, tx: Transaction, row: ItemRow, reason: str) -> str:
    dead_letters.discard(tx.connection, int(row.subject.partition(":")[2]), tx.now)
    return reason or "the letter is given up"


_DEEDS: dict[Action, Callable[[Hub, Transaction, ItemRow, str], str]] = {
    Action.ROUTE_AGAIN: _route_again,
    Action.EXCLUDE_NODE: _exclude_node,
    Action.CANCEL: _cancel,
    Action.PROBE_AGAIN: _again(CommandState.UNKNOWN, "is asked whether it has carried out"),
    Action.SEND_AGAIN: _again(CommandState.PENDING, "is asked once more for"),
    Action.MARK_APPLIED: _mark_applied,
    Action.CLOSE_FEED: _close_feed,
    Action.REPLAY: _replay,
    Action.DISCARD: _discard,
}


def _refused(code: str, said: str) -> RecordRejectedError:
    return RecordRejectedError(Rejection(code, said))
