"""What a configuration says about the orders that can come: what conditions of policies may meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from crossdock.routing.facts import ORDER_FACTS
from crossdock.routing.formulas import Value, ranges
from crossdock.routing.model import Node

__all__ = ["World"]

_OTHER = "\0other"
_TEXTS = frozenset(name for name, fact in ORDER_FACTS.items() if fact.type == "string")
_NUMBERS = frozenset(name for name, fact in ORDER_FACTS.items() if fact.type in ("int", "double"))


@dataclass(frozen=True, slots=True)
class World:
    """What a configuration says about the orders that can come.

    Attributes:
        channels: Kind of every channel, by id.
        other_channels: Of what is no channel by name, but may bring orders; if both are empty, nothing is known.
        channel_kinds: Kinds that channels of other hubs may have: a policy for them is only noted, so that hubs can
            share policies.
        service_levels: All that services offer.
        group_kinds: Kinds of groups that lines can be in.
    """

    nodes: tuple[Node, ...] = ()
    channels: Mapping[str, str] = field(default_factory=dict)
    other_channels: Mapping[str, str] = field(default_factory=dict)
    channel_kinds: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()
    service_levels: tuple[str, ...] = ()
    group_kinds: tuple[str, ...] = ("kit", "set")

    @property
    def kinds(self) -> Mapping[str, str]:
        """The kind of whatever may bring orders, by id."""
        return {**self.other_channels, **self.channels}

    @property
    def elsewhere(self) -> World:
        """The same with channels of all kinds; if nothing is known of channels, there is nothing to add."""
        others = {f"{_OTHER} {kind}": kind for kind in self.channel_kinds if self.kinds}
        return replace(self, other_channels={**others, **self.other_channels})

    def possible(self, fact: str, named: Sequence[Value]) -> Sequence[Value]:
        """All values of ``fact`` that differ for conditions that name ``named``: more than can be, never fewer."""
        texts = [str(value) for value in dict.fromkeys(named)]
        if fact == "channel" and self.kinds:
            return list(self.kinds)
        if fact == "service_level":
            return ["", *self.service_levels]
        if fact in _TEXTS:
            return [*texts, _OTHER]
        if fact in _NUMBERS:
            return ranges(fact, [float(value) for value in named])
        return [False, True]

    def likely(self, fact: str, named: Sequence[Value]) -> Sequence[Value]:
        """Values of ``fact`` that the configuration knows, for examples."""
        texts = [str(value) for value in dict.fromkeys(named)]
        known = {
            "channel": list(self.channels or self.other_channels or ["shop"]),
            "country": [*self.countries, *texts],
            "currency": [*self.currencies, *texts],
            "region": [*sorted({node.address.region for node in self.nodes}), *texts, ""],
            "postal_code": ["00000", *texts],
        }
        if fact in known:
            return list(dict.fromkeys(known[fact]))
        found = [value for value in self.possible(fact, named) if value != _OTHER]
        return found[::-1] if fact in _NUMBERS else found
