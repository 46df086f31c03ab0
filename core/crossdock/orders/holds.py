"""Holds: why an order may not go on, who owns the reason, until when.

An order may be under several holds at once; it goes on when the last one has ended. A hold ends when it is
lifted or at its expiry, whether or not anybody has looked since.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from crossdock.errors import RecordRejectedError, Rejection

__all__ = [
    "EXPIRY",
    "Blocks",
    "Hold",
    "Holds",
    "active",
    "blocks_routing",
    "end_expired",
    "lift",
    "place_hold",
]

EXPIRY = "expiry"
"""Who ended a hold that nobody lifted."""


class Blocks(StrEnum):
    """What an order under a hold may not do."""

    RELEASE = "release"
    """It keeps its stock, and no node is asked."""
    ROUTING = "routing"
    """Nothing is decided either: what is not allocated yet takes no stock."""


class Hold(Struct, frozen=True, omit_defaults=True):
    """One reason why an order may not go on.

    Attributes:
        name: What holds it, such as ``fraud_review``; an order is under a hold of a name once.
        owner: Who has to decide: a person, a team, or the channel.
        placed_at: Since when.
        reason: In words.
        blocks: What the order may not do.
        expires_at: When it ends by itself; None: when it is lifted.
        ended_at: When it ended.
        ended_by: Who lifted it, or ``expiry``.
    """

    name: str
    owner: str
    placed_at: datetime
    reason: str = ""
    blocks: Blocks = Blocks.RELEASE
    expires_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str = ""

    def active(self, now: datetime) -> bool:
        """Whether it holds the order at ``now``."""
        return self.ended_at is None and (self.expires_at is None or now < self.expires_at)


Holds = tuple[Hold, ...]
"""All holds of an order, those that ended too, in the order in which they were placed."""


def active(holds: Sequence[Hold], now: datetime) -> Holds:
    """The holds that are on the order at ``now``."""
    return tuple([hold for hold in holds if hold.active(now)])


def blocks_routing(holds: Sequence[Hold], now: datetime) -> bool:
    """Whether nothing may be decided about the order at ``now``."""
    return any(hold.blocks is Blocks.ROUTING and hold.active(now) for hold in holds)


def place_hold(holds: Sequence[Hold], hold: Hold) -> Holds:
    """Put the order under ``hold``. One of the same name that has not ended is replaced: that extends it."""
    others = [each for each in holds if each.name != hold.name or each.ended_at is not None]
    return (*others, hold)


def lift(holds: Sequence[Hold], name: str, now: datetime, by: str) -> Holds:
    """End the hold of a name. One that has ended already stays as it is.

    Raises:
        RecordRejectedError: The order never was under a hold of this name.
    """
    if all(hold.name != name for hold in holds):
        known = ", ".join(hold.name for hold in active(holds, now)) or "none"
        raise RecordRejectedError(
            Rejection(
                "orders.unknown_hold", f"the order is under no hold {name!r}; it is under {known}", value=name
            )
        )
    return tuple(
        [
            replace(hold, ended_at=now, ended_by=by) if hold.name == name and hold.active(now) else hold
            for hold in holds
        ]
    )


def end_expired(holds: Holds, now: datetime) -> Holds:
    """Note the end of holds whose expiry has come; the same object where there are none."""
    over = [hold for hold in holds if hold.ended_at is None and not hold.active(now)]
    if not over:
        return holds
    return tuple(
        [replace(hold, ended_at=hold.expires_at, ended_by=EXPIRY) if hold in over else hold for hold in holds]
    )
