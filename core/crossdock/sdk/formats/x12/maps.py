"""Transaction maps: which segments and loops a set has, as data."""

from __future__ import annotations

from functools import cache, cached_property
from importlib import resources
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Loop", "TransactionMap", "standard_map", "standard_sets"]


class Loop(BaseModel):
    """A loop: begins with its first segment, whose name it bears, and repeats.

    Attributes:
        segments: The other segments and the loops inside, in the order in which they are written. One that
            repeats bears an asterisk (``N9*``) and is always a list in the document.
        required: Segments and loops of these that must be there.
        loops: The loops among them, by their first segment.
        once: Whether this loop itself occurs at most once; otherwise it is always a list.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    segments: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    loops: dict[str, Loop] = Field(default_factory=dict)
    once: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if twice := sorted({name for name in self.order if self.order.count(name) > 1}):
            raise ValueError(f"declared twice: {', '.join(twice)}")
        if unknown := [name for name in (*self.required, *self.loops) if name not in self.order]:
            raise ValueError(f"not among the segments: {', '.join(unknown)}")
        return self

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Segments and loops in the order of writing."""
        return tuple(name.removesuffix("*") for name in self.segments)

    @cached_property
    def single(self) -> frozenset[str]:
        """Those that occur at most once."""
        marked = {name for name in self.segments if not name.endswith("*")}
        return frozenset(name for name in marked if name not in self.loops or self.loops[name].once)

    def names(self) -> frozenset[str]:
        """Every segment of this loop and of those inside."""
        inside = (loop.names() | {name} for name, loop in self.loops.items())
        return frozenset(self.order).union(*inside)


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
        if both := sorted({*self.header.order} & {*self.summary.order}):
            raise ValueError(f"declared in header and summary: {', '.join(both)}")
        return self


def standard_sets() -> tuple[str, ...]:
    """The sets that come with Crossdock."""
    folder = resources.files("crossdock.sdk.formats.x12") / "maps"
    return tuple(
        sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    )


@cache
def standard_map(name: str) -> TransactionMap | None:
    """The map of a set that comes with Crossdock; None for another set."""
    if name not in standard_sets():
        return None
    text = (resources.files("crossdock.sdk.formats.x12") / "maps" / f"{name}.yaml").read_text("utf-8")
    return TransactionMap.model_validate(yaml.safe_load(text))
