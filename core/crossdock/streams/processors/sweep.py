"""The ``sweep`` timers: what has to happen because time passes."""

from __future__ import annotations

from functools import partial

from crossdock.orders.worklist import RULES, Cause
from crossdock.store import legs, reservations, waiting, worklist
from crossdock.streams import metrics
from crossdock.streams.processor import Timer, Transaction
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.collecting import call_off_no_show
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.lots import note_expired
from crossdock.streams.processors.outgoing import reroute

__all__ = ["sweep_timers"]

_AT_ONCE = 500


def sweep_timers(hub: Hub) -> tuple[Timer, ...]:
    """Expiries, orders that wait, buyers that do not come, silent nodes, what waits for people."""
    return (
        Timer("expire", 5.0, _expire),
        Timer("retry_waiting", 1.0, partial(_retry, hub)),
        Timer("end_holds", 1.0, _end_holds),
        Timer("release", 1.0, _release),
        Timer("reevaluate", 5.0, _reevaluate),
        Timer("no_shows", 60.0, partial(_no_shows, hub)),
        Timer("expired_lots", 60.0, note_expired),
        Timer("silent_nodes", 60.0, partial(_silent, hub)),
        Timer("late_legs", 60.0, partial(_late_legs, hub)),
        Timer("worklist", 15.0, _count_work),
    )


def _expire(tx: Transaction) -> None:
    """Book reservations that have lapsed. They hold nothing since they lapsed; this gives the units back."""
    found = reservations.lapsed(tx.connection, tx.now, _AT_ONCE)
    if found:
        reservations.lock_positions(tx.connection, found, tx.now)


def _retry(hub: Hub, tx: Transaction) -> None:
    """Route what waits for its run, and again what waits for stock."""
    for order in waiting.due_orders(tx.connection, tx.now, _AT_ONCE):
        channel = hub.channel_of(order.connection)
        # The orders of a run have one key: they are routed one after the other, in this order.
        key, why = (f"run:{channel.id}", "run") if channel.config.runs else ("", "waiting")
        tx.emit(reroute(order, f"retry:{order.due_at.isoformat()}", why, key=key))


def _end_holds(tx: Transaction) -> None:
    """Let orders go on whose hold has expired."""
    for order in waiting.expired_holds(tx.connection, tx.now, _AT_ONCE):
        tx.emit(reroute(order, f"hold:{order.due_at.isoformat()}", "hold_expired"))


def _release(tx: Transaction) -> None:
    """Ask the nodes of fulfilment orders that were kept back long enough."""
    for order in waiting.due_releases(tx.connection, tx.now, _AT_ONCE):
        tx.emit(reroute(order, f"release:{order.due_at.isoformat()}", "release", unreleased=True))


def _reevaluate(tx: Transaction) -> None:
    """Route again what no node was asked for yet."""
    for order in waiting.due_evaluations(tx.connection, tx.now, _AT_ONCE):
        tx.emit(reroute(order, f"evaluate:{order.due_at.isoformat()}", "reevaluate", unreleased=True))


def _no_shows(hub: Hub, tx: Transaction) -> None:
    """Call off pick-ups that stand ready and were not collected in time."""
    names = waiting.uncollected(tx.connection, tx.now, _AT_ONCE)
    if names:
        books = Books(hub, tx)
        books.load_fulfilments(names)
        for name in names:
            call_off_no_show(books, name)
        books.close()


def _silent(hub: Hub, tx: Transaction) -> None:
    """A node that does not answer for too long is somebody's work."""
    names = waiting.silent_fulfilments(tx.connection, tx.now - hub.config.silence, _AT_ONCE)
    if not names:
        return
    books = Books(hub, tx)
    books.load_fulfilments(names)
    for name in names:
        stored = books.fulfilments[name]
        asked = stored.requested_at.isoformat() if stored.requested_at else "long ago"
        books.raise_work(
            Cause.UPSTREAM_LAG,
            f"fulfilment_order:{name}",
            f"node {stored.fulfilment.node} was asked for {name} at {asked} and has not answered",
        )
    books.close()


def _late_legs(hub: Hub, tx: Transaction) -> None:
    """Goods that should have come to the node that sends them on, and have not for too long, are somebody's work."""
    names = legs.overdue(tx.connection, tx.now - hub.config.silence, _AT_ONCE)
    if not names:
        return
    books = Books(hub, tx)
    books.load_fulfilments(names)
    for name in names:
        stored = books.fulfilments[name]
        fulfilment, due = (
            stored.fulfilment,
            stored.deliver_by.isoformat() if stored.deliver_by else "long ago",
        )
        books.raise_work(
            Cause.UPSTREAM_LAG,
            f"fulfilment_order:{name}",
            f"{name} has left {fulfilment.node} for {fulfilment.to_node}, was due there at {due}, and nobody has said "
            "that it came: book the receipt there, or exclude the node, as what is lost is routed again",
        )
    books.close()


def _count_work(tx: Transaction) -> None:
    """Show how many work items are open and overdue; of a cause without any, zero."""
    for cause, rule in RULES.items():
        metrics.WORK_ITEMS_OPEN.labels(cause, rule.owner).set(0)
        metrics.WORK_ITEMS_OVERDUE.labels(cause, rule.owner).set(0)
    for count in worklist.count_open(tx.connection, tx.now):
        metrics.WORK_ITEMS_OPEN.labels(count.cause, count.owner).set(count.open)
        metrics.WORK_ITEMS_OVERDUE.labels(count.cause, count.owner).set(count.overdue)
