"""What a channel has to be told: only what changed, only the newest value, the scarcest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["Publication", "kits_available", "levels_to_publish"]


class Publication(NamedTuple):
    """A number to publish; ``previous`` is what the channel was told before, None if never."""

    sku: str
    quantity: int
    previous: int | None


def kits_available(
    parts: Mapping[str, int], units: Mapping[str, Mapping[str, int]], *, together: bool
) -> int:
    """How many kits can be sold.

    Args:
        parts: Units of each component in one kit.
        units: What may be sold of each component, by node.
        together: A kit ships from one node, so that what lies at several does not add up.
    """
    if not together:
        return min(sum(units.get(sku, {}).values()) // per_kit for sku, per_kit in parts.items())
    first, *_ = parts
    return sum(
        min(units.get(sku, {}).get(node, 0) // per_kit for sku, per_kit in parts.items())
        for node in units.get(first, {})
    )


def levels_to_publish(
    published: Mapping[str, int], available: Mapping[str, int], at_most: int | None = None
) -> list[Publication]:
    """Compare what a channel was told with what it may sell now.

    Args:
        published: Last number told, by SKU.
        available: Available to promise for this channel now, by SKU; SKUs that did not change may be left
            out.
        at_most: How many the partner's rate budget allows now; the others stay for the next time, with their
            value of that time.

    Returns:
        Lowest quantity first: a channel that hears too late of the last unit oversells, of the hundredth it
        does not.
    """
    changed = [
        Publication(sku, quantity, published.get(sku))
        for sku, quantity in available.items()
        if published.get(sku) != quantity
    ]
    changed.sort(key=lambda level: (level.quantity, level.sku))
    return changed if at_most is None else changed[:at_most]
