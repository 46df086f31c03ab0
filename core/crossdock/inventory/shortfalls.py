"""Shortfalls: when less is there than is promised, somebody goes without. Who, is a policy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

__all__ = ["PromiseAtRisk", "Standing", "Victim", "VictimPolicy", "choose_victims"]


class Standing(IntEnum):
    """How hard a promise is to take back; the easiest goes first, whatever the policy."""

    RESERVED = 0
    ALLOCATED = 1
    REQUESTED = 2


class VictimPolicy(StrEnum):
    """Among promises of the same standing, who goes without."""

    LATEST_PROMISE = "latest_promise"
    LOWEST_PRIORITY = "lowest_priority"


@dataclass(frozen=True, slots=True)
class PromiseAtRisk:
    """A promise on a position that does not cover all of them.

    Attributes:
        key: Reservation or fulfilment order line.
        quantity: Units promised.
        priority: Higher is more important.
        promised_at: When it was made.
        standing: How far it is. What is packed is not at risk: leave it out.
    """

    key: str
    quantity: int
    priority: int
    promised_at: datetime
    standing: Standing


@dataclass(frozen=True, slots=True)
class Victim:
    """Units of a promise that are taken back and routed elsewhere."""

    key: str
    quantity: int
    standing: Standing


_LATER_FIRST: dict[VictimPolicy, Callable[[PromiseAtRisk], tuple[int, float] | tuple[float, int]]] = {
    VictimPolicy.LATEST_PROMISE: lambda promise: (-promise.promised_at.timestamp(), promise.priority),
    VictimPolicy.LOWEST_PRIORITY: lambda promise: (promise.priority, -promise.promised_at.timestamp()),
}


def choose_victims(
    promises: Iterable[PromiseAtRisk], units: int, policy: VictimPolicy
) -> tuple[tuple[Victim, ...], int]:
    """Take ``units`` back from the promises on a position.

    Returns:
        Who goes without, and how many units nobody was left to take from.
    """
    rank = _LATER_FIRST[policy]
    victims: list[Victim] = []
    left = units
    for promise in sorted(promises, key=lambda one: (one.standing, *rank(one), one.key)):
        taken = min(left, promise.quantity)
        if taken <= 0:
            continue
        victims.append(Victim(promise.key, taken, promise.standing))
        left -= taken
    return tuple(victims), left
