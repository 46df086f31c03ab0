"""Ring-fences as people set them: kept for a channel, moved to another, given free. The ledger notes each change."""

from __future__ import annotations

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.inventory.position import Movement, MovementKind, Position
from crossdock.inventory.ring_fences import RingFence, move_fence, set_aside
from crossdock.store import reservations, ring_fences, stock
from crossdock.streams.processor import Transaction
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.limits import limits_of

__all__ = ["move", "set_quantity"]


def set_quantity(
    hub: Hub, tx: Transaction, channel: str, sku: str, node: str, quantity: int
) -> list[RingFence]:
    """Keep exactly ``quantity`` more units for ``channel``; what it is promised then comes out of them.

    Less than now gives the rest free; more takes what nobody holds. Setting the same again changes nothing.

    Returns:
        The fences of the position.

    Raises:
        RecordRejectedError: ``ring_fence.insufficient``, with what can be kept; an unknown channel or node.
    """
    _check(hub, node, channel)
    position, fences = _locked(tx, sku, node)
    mine = next((each for each in fences if each.channel == channel), RingFence(channel, sku, node, 0))
    more = quantity - mine.quantity
    if more > 0:
        limits, _ = limits_of(hub, tx.connection, {(sku, node): position}, channel, tx.now)
        _, missing = set_aside(position, fences, mine, more, limits[sku, node])
        if missing:
            raise RecordRejectedError(
                Rejection(
                    "ring_fence.insufficient",
                    f"{quantity} units of SKU {sku} wanted for {channel} at node {node}, {quantity - missing} can be "
                    "kept: the rest is promised, fenced for others or safety stock",
                    value=str(quantity),
                )
            )
    if more:
        _book(tx, [RingFence(channel, sku, node, more)])
    return _locked(tx, sku, node)[1]


def move(
    hub: Hub, tx: Transaction, sku: str, node: str, channel: str, to_channel: str, units: int
) -> list[RingFence]:
    """Give ``units`` of one channel's fence to another channel.

    Raises:
        RecordRejectedError: ``ring_fence.insufficient``: the first has not so many left.
    """
    _check(hub, node, channel, to_channel)
    _, fences = _locked(tx, sku, node)
    origin = next((each for each in fences if each.channel == channel), RingFence(channel, sku, node, 0))
    left, _ = move_fence(origin, RingFence(to_channel, sku, node, 0), units)
    if origin.quantity - left.quantity < units:
        raise RecordRejectedError(
            Rejection(
                "ring_fence.insufficient",
                f"{units} units of SKU {sku} at node {node} are to be moved from {channel} to {to_channel}, "
                f"{origin.quantity} are left",
                value=str(units),
            )
        )
    _book(tx, [RingFence(channel, sku, node, -units), RingFence(to_channel, sku, node, units)])
    return _locked(tx, sku, node)[1]


def _locked(tx: Transaction, sku: str, node: str) -> tuple[Position, list[RingFence]]:
    positions = reservations.lock_positions(tx.connection, [(sku, node)], tx.now)
    fences = ring_fences.load(tx.connection, [(sku, node)]).get((sku, node), [])
    return positions.get((sku, node)) or Position(sku, node), fences


def _book(tx: Transaction, changes: list[RingFence]) -> None:
    ring_fences.add(tx.connection, changes, tx.now)
    stock.book_facts(
        tx.connection,
        [
            Movement(
                each.sku,
                each.node,
                MovementKind.FENCED,
                0,
                0,
                0,
                0,
                tx.now,
                "hub",
                f"{each.channel}{each.quantity:+d}",
            )
            for each in changes
        ],
        tx.now,
    )


def _check(hub: Hub, node: str, *channels: str) -> None:
    if node not in hub.nodes:
        known = ", ".join(sorted(hub.nodes)[:10]) or "none"
        raise RecordRejectedError(
            Rejection(
                "ring_fence.unknown_node", f"node {node!r} is not configured (known: {known})", value=node
            )
        )
    names = sorted({each.id for each in hub.channels.values()})
    for channel in channels:
        if channel not in names:
            raise RecordRejectedError(
                Rejection(
                    "ring_fence.unknown_channel",
                    f"there is no channel {channel!r}; there are: {', '.join(names) or 'none'}",
                    value=channel,
                )
            )
