"""What becomes of units that no node can ship: they wait, and in the end go the way their policy says."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from crossdock.orders.kits import with_siblings
from crossdock.orders.worklist import Cause
from crossdock.routing import Decision
from crossdock.routing.policy import Unfillable
from crossdock.store.catalogue import known_skus
from crossdock.store.order_book import StoredOrder
from crossdock.streams.processors import back_ordering
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.cancelling import cancel, cancellable
from crossdock.streams.processors.happenings import Occurrence

__all__ = ["cancel_rest", "give_up", "wait"]

_RETRY = timedelta(minutes=1)
"""How often waiting units are tried again."""

_FOR_EVER = timedelta(days=36_500)

_NO_POLICY = Unfillable(retry="never")


def wait(books: Books, order: StoredOrder, decision: Decision) -> bool:
    """Let the rest of an order wait for stock; false when its time is up."""
    rule = _rule(books, decision)
    now = books.tx.now
    until = order.route_until or now + rule.stop_after
    endless = rule.then == "backorder"
    last = until
    if endless:
        last = until - rule.stop_after + (rule.cancel_after or _FOR_EVER)
    if rule.retry == "never" or now >= last:
        return False
    run_at = books.hub.channel_of(order.connection).next_run(now)
    reason = _words(decision)
    if reason != order.reason and (unknown := _unknown(books, decision)):
        books.raise_work(Cause.DATA_INVALID, f"order:{order.id}", unknown)
    books.put_order(
        replace(
            order,
            route_at=run_at or min(now + _RETRY, last),
            route_until=until,
            reason=reason,
        )
    )
    if endless:
        back_ordering.promise(books, order, decision)
    return True


def give_up(books: Books, order: StoredOrder, decision: Decision) -> None:
    """Cancel what can't be placed, or hand it to people."""
    reason = _words(decision)
    rule = _rule(books, decision)
    if rule.then == "cancel" or (rule.then == "backorder" and rule.cancel_after is not None):
        cancel_rest(books, order, reason)
        return
    books.put_order(replace(order, route_at=None, reason=reason))
    books.raise_work(Cause.CONSTRAINT_UNMET, f"order:{order.id}", reason)


def cancel_rest(books: Books, order: StoredOrder, reason: str) -> int:
    """Cancel the unplaced units of an order, and tell the channel; returns how many.

    Without one component the others of a kit are of no use: they are cancelled as well, at nodes if they agree.
    """
    missing = {line.line_id: line.quantities.unallocated for line in order.lines}
    left = cancellable(books, order.id)
    lost = {
        line: possible
        for line, units in with_siblings(order.parts, missing).items()
        if (possible := min(units, left[line]))
    }
    cause = Occurrence(f"given-up:{order.id}:{order.decisions}", "hub", books.tx.now)
    cancel(books, order.id, lost, "inventory", cause, tell_channel=True)
    quantities = books.orders[order.id].quantities
    books.put_quantities(order.id, quantities, reason=reason, route_at=None, route_until=None)
    return sum(missing.values())


def _unknown(books: Books, decision: Decision) -> str:
    """What to do about SKUs that nobody has ever named but this order; empty where there are none."""
    skus = sorted({line.sku for line in decision.unfilled})
    known = known_skus(books.tx.connection, skus)
    unknown = [sku for sku in skus if sku not in known]
    if not unknown:
        return ""
    return (
        f"unknown SKU {', '.join(unknown)}: no product of this SKU was ever sent, and no node has counted it. Correct "
        "it in the channel, or send the product and its stock; the order is tried again every minute meanwhile"
    )


def _rule(books: Books, decision: Decision) -> Unfillable:
    policy = books.hub.policies.find(decision.policy, decision.policy_version) if decision.policy else None
    return policy.unfillable if policy else _NO_POLICY


def _words(decision: Decision) -> str:
    if not decision.policy:
        return "no policy applies to this order: add one whose `when` holds, or a last one without `when`"
    rest = ", ".join(f"{line.quantity} of {line.sku} ({line.reason})" for line in decision.unfilled)
    return f"policy {decision.policy} can't place {rest}"
