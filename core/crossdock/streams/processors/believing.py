"""A full feed that looked cut off, and that a person believes all the same: what it leaves out is zero."""

from __future__ import annotations

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.inventory.feeds import FeedContext, FeedResult, close_feed, netted_units
from crossdock.store import counts, feeds, stock
from crossdock.store.worklist import settle
from crossdock.streams.processor import Transaction
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.shortfalls import cover
from crossdock_schemas.stock import FeedMeaning, FeedMode

__all__ = ["believe_feed"]


def believe_feed(hub: Hub, tx: Transaction, node: str) -> str:
    """Zero what the node's newest refused feed left out, as if it had not looked cut off; says what was done.

    Raises:
        RecordRejectedError: There is no such feed, a newer one was applied, or it does not say what it means.
    """
    found = feeds.newest_refused(tx.connection, node)
    if found is None:
        raise _refused(f"node {node} has no refused feed, or a newer one was applied since")
    if found.meaning is None:
        raise _refused(
            f"feed {found.feed_id} names no SKU, so it does not show whether it counts what lies on the shelf or what "
            "is still free: have it sent again"
        )
    context = FeedContext(
        node,
        found.feed_id,
        found.connection,
        found.as_of,
        FeedMode.FULL,
        FeedMeaning(found.meaning),
        found.sequence,
    )
    netted: dict[str, int] = {}
    if context.meaning is FeedMeaning.AVAILABLE:
        netted = netted_units(feeds.allocations_known(tx.connection, node, found.as_of), found.as_of)
    omitted = stock.omitted_positions(tx.connection, node, found.feed_id, found.as_of)
    in_flight = stock.in_flight(tx.connection, node, found.as_of, netted)
    result = close_feed(omitted, context, in_flight, mentioned=found.mentioned, most_omitted_percent=100)
    assert isinstance(result, FeedResult)
    counts.book_counts(tx.connection, context, result.positions, result.movements, tx.now)
    cover(hub, tx, node, [short.sku for short in result.shortfalls])
    feeds.close(tx.connection, node, found.feed_id, "closed", tx.now)
    said = f"feed {found.feed_id} was believed: {len(result.movements)} SKUs of node {node} are zero now"
    settle(tx.connection, [f"feed:{node}"], said, tx.now)
    return said


def _refused(said: str) -> RecordRejectedError:
    return RecordRejectedError(Rejection("feed.not_believed", said))
