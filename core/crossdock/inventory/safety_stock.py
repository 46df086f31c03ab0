"""Safety stock: what is never promised, by rules of product, node group and channel.

The first rule that applies decides. An empty condition applies to everything. A percentage is of the sellable
stock and rounded up, so that "10 %" of one unit keeps that unit.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal

from crossdock.inventory.position import Position

__all__ = ["SafetyRule", "SafetyStock", "product_tags"]

Tags = frozenset[str]


def product_tags(sku: str, restrictions: Iterable[str]) -> Tags:
    """What rules may name of a product: itself and its restrictions."""
    return frozenset((f"sku:{sku}", *restrictions))


@dataclass(frozen=True, slots=True)
class SafetyRule:
    """How much to keep, and of what.

    Attributes:
        units: Fixed number of units.
        percent: Share of the sellable stock (0 to 100), added to ``units``.
        product_tags: Tags that a product must all have (``category:shoes``, ``hazmat``).
        node_groups: Groups of which the node must be in one.
        channels: Channels it applies to.
        stale_for: Only at nodes whose feed has been older than its limit for so long; None at all nodes.

    Raises:
        ValueError: A negative number, or a percentage over 100.
    """

    units: int = 0
    percent: Decimal = Decimal(0)
    product_tags: Tags = frozenset()
    node_groups: Tags = frozenset()
    channels: Tags = frozenset()
    stale_for: timedelta | None = None

    def __post_init__(self) -> None:
        """Refuse what would promise more than there is, or nothing ever."""
        if self.units < 0 or not 0 <= self.percent <= 100:
            raise ValueError(
                f"safety stock of {self.units} units and {self.percent} %: use 0 or more, up to 100 %"
            )

    def applies(self, product_tags: Tags, node_groups: Tags, channel: str) -> bool:
        """Whether this rule speaks of such a product at such a node for this channel."""
        return (
            self.product_tags <= product_tags
            and (not self.node_groups or not self.node_groups.isdisjoint(node_groups))
            and (not self.channels or channel in self.channels)
        )

    def kept(self, position: Position) -> int:
        """Units to keep of a position, never below zero."""
        return self.kept_of(max(0, position.on_hand - position.quarantined))

    def kept_of(self, sellable: int) -> int:
        """Units to keep of so many sellable ones."""
        if not self.percent:
            return self.units
        share = (sellable * self.percent / 100).to_integral_value(ROUND_CEILING)
        return self.units + int(share)


_NONE = SafetyRule()


class SafetyStock:
    """Ordered rules. Which one applies is looked up once for each kind of product, node and channel.

    What no rule names makes no difference between two products: so few kinds are remembered, however many products.
    """

    __slots__ = ("_decided", "_named", "rules", "stages")

    def __init__(self, rules: Iterable[SafetyRule]) -> None:
        """Keep the rules in the order in which they are asked."""
        self.rules = tuple(rules)
        self._named = frozenset(tag for rule in self.rules for tag in rule.product_tags)
        self.stages = tuple(sorted({rule.stale_for for rule in self.rules if rule.stale_for is not None}))
        self._decided: dict[tuple[Tags, Tags, str, int], SafetyRule] = {}

    def stage(self, stale_for: timedelta | None) -> int:
        """How many of the ``stages`` of staleness a node has reached; none while its feed is fresh."""
        return 0 if stale_for is None else bisect_right(self.stages, stale_for)

    def rule(
        self, product_tags: Tags, node_groups: Tags, channel: str, stale_for: timedelta | None = None
    ) -> SafetyRule:
        """The first rule that applies, or one that keeps nothing; ``stale_for`` is None of a fresh node."""
        stage = self.stage(stale_for) if stale_for is not None else 0
        key = (product_tags & self._named, node_groups, channel, stage)
        found = self._decided.get(key)
        if found is None:
            reached = (None, *self.stages[:stage])
            found = next(
                (rule for rule in self.rules if rule.stale_for in reached and rule.applies(*key[:3])), _NONE
            )
            self._decided[key] = found
        return found

    def kept(
        self,
        position: Position,
        product_tags: Tags,
        node_groups: Tags,
        channel: str,
        stale_for: timedelta | None = None,
    ) -> int:
        """Units of ``position`` that ``channel`` may not be promised."""
        return self.rule(product_tags, node_groups, channel, stale_for).kept(position)
