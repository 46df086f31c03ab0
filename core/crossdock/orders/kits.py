"""Kits: one line for the channel, its components for the nodes.

A channel's line of 2 kits of one A and two B each is shipped as the lines 2 A and 4 B. Of any number of units of
the components, only those that make whole kits count for the channel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

__all__ = ["Kit", "KitPart", "Part", "of_channel", "of_components", "unfold", "with_siblings"]


class Part(Struct, frozen=True):
    """An order line's place in the channel's order.

    Attributes:
        line: The order line.
        channel_line: The channel's line: the same, or that of the kit of which this is a component.
        per_kit: Units of the component in one kit; 1 where it is none.
    """

    line: str
    channel_line: str
    per_kit: int = 1


class KitPart(Struct, frozen=True):
    """A component of a kit, and the order line that it became; None where there is no order."""

    line: str | None
    sku: str
    units: int


class Kit(Struct, frozen=True):
    """A kit as it was exploded; ``line`` is the channel's, None where there is no order."""

    line: str | None
    sku: str
    parts: tuple[KitPart, ...]


def unfold(kits: Sequence[Kit], line: str | None, sku: str, units: int) -> list[tuple[str | None, str, int]]:
    """Units of a SKU as order line, SKU and units of what lies on a shelf: a kit's components, else itself.

    Args:
        kits: What can be a kit.
        line: The channel's line, where it is named; a component of its kit is found by its SKU.
    """
    for kit in kits:
        if line is not None and line != kit.line:
            continue
        if sku == kit.sku:
            return [(part.line if line else None, part.sku, units * part.units) for part in kit.parts]
        for part in kit.parts:
            if line is not None and part.sku == sku:
                return [(part.line, sku, units)]
    return [(line, sku, units)]


def of_channel(parts: Iterable[Part], units: Mapping[str, int]) -> dict[str, int]:
    """What units of order lines are in units of the channel's lines: of kits only whole ones."""
    found: dict[str, int] = {}
    for part in parts:
        whole = units.get(part.line, 0) // part.per_kit
        found[part.channel_line] = min(whole, found.get(part.channel_line, whole))
    return found


def of_components(parts: Iterable[Part], units: Mapping[str, int]) -> dict[str, int]:
    """What units of the channel's lines are in units of order lines."""
    return {
        part.line: units[part.channel_line] * part.per_kit for part in parts if units.get(part.channel_line)
    }


def with_siblings(parts: Iterable[Part], units: Mapping[str, int]) -> dict[str, int]:
    """Units of order lines that can't be had, and those of their kits' other components, of no use without them."""
    parts = tuple(parts)
    kits: dict[str, int] = {}
    for part in parts:
        broken = -(-units.get(part.line, 0) // part.per_kit)
        kits[part.channel_line] = max(broken, kits.get(part.channel_line, 0))
    return of_components(parts, kits)
