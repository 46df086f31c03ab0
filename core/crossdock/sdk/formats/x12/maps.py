"""Transaction maps: which segments and loops a set has, as data."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Loop", "TransactionMap", "standard_map", "standard_sets"]


class Loop(BaseModel):
    """A loop: begins with its first segment, whose name it bears, and repeats.

    Attributes:
        one: Segments that occur at most once.
        many: Segments that repeat; always lists in the document.
        required: Segments and loops of these that must be there.
        loops: Loops inside, by their first segment.
        once: Whether this loop itself occurs at most once; otherwise it is always a list.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    one: tuple[str, ...] = ()
    many: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    loops: dict[str, Loop] = Field(default_factory=dict)
    once: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [*self.one, *self.many, *self.loops]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"declared twice: {', '.join(twice)}")
        if unknown := [name for name in self.required if name not in names]:
            raise ValueError(f"required, but not declared: {', '.join(unknown)}")
        return self

    def names(self) -> frozenset[str]:
        """Every segment of this loop and of those inside."""
        inside = (loop.names() | {name} for name, loop in self.loops.items())
        return frozenset({*self.one, *self.many}).union(*inside)


class TransactionMap(BaseModel):
    """The map of one transaction set.

    Attributes:
        set: Identifier, ST01.
        group: Functional identifier of its group, GS01.
        title: What it is.
        header: Segments and loops before the summary; ``one``, ``many`` and ``loops`` follow in this order
            when written.
        summary: Segments at the end, which close all loops. In the document they stand beside the header's.
        composites: Elements that hold components, by segment: ``{SV1: ["01"]}``. No other element is taken
            apart.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    set: str
    group: str
    title: str
    header: Loop
    summary: Loop = Loop()
    composites: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> Self:
        body = Loop(
            one=self.header.one + self.summary.one,
            many=self.header.many + self.summary.many,
            loops={**self.header.loops, **self.summary.loops},
        )
        if len(body.loops) != len(self.header.loops) + len(self.summary.loops):
            raise ValueError("a loop is declared in header and summary")
        return self


def standard_sets() -> tuple[str, ...]:
    """The sets that come with Crossdock."""
    folder = resources.files(__package__) / "maps"
    return tuple(
        sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    )


@cache
def standard_map(name: str) -> TransactionMap | None:
    """The map of a set that comes with Crossdock; None for another set."""
    if name not in standard_sets():
        return None
    text = (resources.files(__package__) / "maps" / f"{name}.yaml").read_text("utf-8")
    return TransactionMap.model_validate(yaml.safe_load(text))
