"""Ring-fences: stock kept for one channel. They can be moved, and what the channel sells consumes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from crossdock.inventory.availability import NO_LIMITS, Limits, available_to_promise
from crossdock.inventory.position import Position

__all__ = ["RingFence", "consume", "fenced_for_others", "give_back", "move_fence", "set_aside"]


@dataclass(frozen=True, slots=True)
class RingFence:
    """Units of a position that only ``channel`` may be promised; ``quantity`` is what is left of them."""

    channel: str
    sku: str
    node: str
    quantity: int


def fenced_for_others(fences: Iterable[RingFence], channel: str) -> int:
    """Units of one position that are kept for other channels than ``channel``: ``Limits.ring_fenced``."""
    return sum(fence.quantity for fence in fences if fence.channel != channel)


def set_aside(
    position: Position, fences: Iterable[RingFence], fence: RingFence, units: int, limits: Limits = NO_LIMITS
) -> tuple[RingFence, int]:
    """Keep ``units`` more for the fence's channel, as far as nobody holds them.

    Args:
        position: Where.
        fences: All fences of the position, ``fence`` among them.
        fence: The channel's own; with a quantity of zero when it had none.
        units: How many more.
        limits: What else is kept back; its ``ring_fenced`` is ignored.

    Returns:
        The fence, and how many units could not be set aside.
    """
    free = available_to_promise(position, limits._replace(ring_fenced=sum(each.quantity for each in fences)))
    taken = min(units, free)
    return replace(fence, quantity=fence.quantity + taken), units - taken


def move_fence(origin: RingFence, destination: RingFence, units: int) -> tuple[RingFence, RingFence]:
    """Give ``units`` of one channel's fence to another channel's, as far as the first still has them."""
    moved = min(units, origin.quantity)
    return replace(origin, quantity=origin.quantity - moved), replace(
        destination, quantity=destination.quantity + moved
    )


def consume(fence: RingFence, units: int) -> tuple[RingFence, int]:
    """The channel was promised ``units``: they come out of its fence first.

    Returns:
        The fence, and how many units came out of it; keep that number with the promise, to give it back.
    """
    consumed = min(units, fence.quantity)
    return replace(fence, quantity=fence.quantity - consumed), consumed


def give_back(fence: RingFence, consumed: int) -> RingFence:
    """A promise was called off: what it had consumed is fenced again."""
    return replace(fence, quantity=fence.quantity + consumed)
