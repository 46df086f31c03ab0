"""Chance that depends on names only: the same seed and name always give the same, whatever came before."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Dice"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Dice:
    """Throws for named events. Unlike a generator of random numbers it has no state, so timing can't change a throw."""

    seed: int

    def throw(self, *name: object) -> float:
        """A number in [0, 1)."""
        text = "\0".join([str(self.seed), *map(str, name)])
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest()) / 2**56

    def happens(self, probability: float, *name: object) -> bool:
        """Whether an event of this probability happens."""
        return self.throw(*name) < probability

    def between(self, low: int, high: int, *name: object) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return low + int(self.throw(*name) * (high - low + 1))

    def pick(self, choices: Sequence[T], *name: object) -> T:
        """One of several."""
        return choices[int(self.throw(*name) * len(choices))]

    def skewed(self, choices: Sequence[T], skew: float, *name: object) -> T:
        """One of several, the first ones more often: ``skew`` 1 is even, 3 takes half of all from the first eighth."""
        return choices[int(self.throw(*name) ** skew * len(choices))]
