"""Mutants that no test can kill because they behave like the original, listed by hand with the reason."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tools.mutation.mutants import Mutant

__all__ = ["Equivalent", "Equivalents", "read_equivalents"]

LIST = Path(__file__).with_name("equivalent.toml")


@dataclass(frozen=True, slots=True)
class Equivalent:
    """One change that makes no difference, and why. It is known by its text, so that lines may move.

    Without ``after`` it is every change of the line that no test notices.
    """

    path: str
    function: str
    before: str
    reason: str
    after: str = ""


class Equivalents:
    """The list of them."""

    def __init__(self, listed: Iterable[Equivalent]) -> None:
        """Index the list."""
        self._listed = {(each.path, each.function, each.before, each.after): each for each in listed}

    def of(self, mutant: Mutant) -> Equivalent | None:
        """The entry of ``mutant``, or None if it behaves differently."""
        place = (mutant.path, mutant.function, mutant.before)
        return self._listed.get((*place, mutant.after)) or self._listed.get((*place, ""))

    def without(self, mutants: Iterable[Mutant]) -> list[Equivalent]:
        """The entries of none of the ``mutants``: their code has changed, and they have to go."""
        found = {id(self.of(mutant)) for mutant in mutants}
        return [each for each in self._listed.values() if id(each) not in found]


def read_equivalents(path: Path = LIST) -> Equivalents:
    """Read the list."""
    return Equivalents(Equivalent(**entry) for entry in tomllib.loads(path.read_text()).get("mutant", ()))
