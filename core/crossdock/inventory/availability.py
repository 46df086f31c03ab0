"""Available to promise: what may still be sold from a position.

    on_hand - quarantined - reserved - allocated - safety stock - ring-fenced for other channels
        + inbound already promised + free inbound due by the date + back-order cap

Promised inbound is added back because the promises made on it stand in ``reserved`` and ``allocated``
already.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crossdock.inventory.position import Position

__all__ = [
    "NO_LIMITS",
    "Limits",
    "available_to_promise",
    "available_to_promise_many",
    "oversold_units",
    "uncommitted",
]

Units = NDArray[np.int64]


class Limits(NamedTuple):
    """What a position must keep back from one asker, and what may be promised beyond its stock. All in units.

    Attributes:
        safety_stock: Never promised: see ``safety_stock``.
        ring_fenced: Kept for other channels: see ``ring_fences``.
        inbound_promised: Promised out of supply that has not arrived, whatever its date.
        inbound_due: Free supply that is due by the date asked for: see ``inbound``.
        backorder_cap: How many units may be promised that nothing covers.
    """

    safety_stock: int = 0
    ring_fenced: int = 0
    inbound_promised: int = 0
    inbound_due: int = 0
    backorder_cap: int = 0


NO_LIMITS = Limits()


def uncommitted(position: Position, limits: Limits = NO_LIMITS, *, lapsed: int = 0) -> int:
    """Units that may still be promised; below zero when more is promised, fenced or kept than there is.

    Args:
        position: What there is.
        limits: What is kept back and what may be promised beyond.
        lapsed: Units in ``reserved`` whose reservation has expired and was not booked as expired yet.
    """
    return (
        position.on_hand
        - position.quarantined
        - position.reserved
        + lapsed
        - position.allocated
        - limits.safety_stock
        - limits.ring_fenced
        + limits.inbound_promised
        + limits.inbound_due
        + limits.backorder_cap
    )


def available_to_promise(position: Position, limits: Limits = NO_LIMITS, *, lapsed: int = 0) -> int:
    """Units that may be promised, never below zero; arguments as for ``uncommitted``."""
    return max(0, uncommitted(position, limits, lapsed=lapsed))


def available_to_promise_many(balances: Units, limits: Units, lapsed: Units | int = 0) -> Units:
    """``available_to_promise`` for many positions at once.

    Args:
        balances: n by 4, columns as in ``Balance``.
        limits: n by 5, or 1 by 5 for all, columns as in ``Limits``.
        lapsed: n, or one number for all.

    Returns:
        n units.
    """
    held_back = balances[:, 1:].sum(axis=1) + limits[:, :2].sum(axis=1)
    available: Units = np.maximum(balances[:, 0] - held_back + limits[:, 2:].sum(axis=1) + lapsed, 0)
    return available


def oversold_units(position: Position, cover: int = 0) -> int:
    """Units promised that neither stock, nor supply, nor a policy covers; zero is the rule.

    ``reserved + allocated <= on_hand - quarantined + cover``, where ``cover`` is the promised inbound and the
    back-order cap.
    """
    promised = position.reserved + position.allocated
    return max(0, promised - max(0, position.on_hand - position.quarantined + cover))
