"""What conditions of a policy may name, with its type and meaning: for the type check and for the documentation."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["LINE_FACTS", "NODE_FACTS", "ORDER_FACTS", "Fact"]


class Fact(NamedTuple):
    """One thing that a condition may name.

    Attributes:
        type: ``string``, ``int``, ``double``, ``bool``, ``list(string)`` or ``list(line)``.
    """

    type: str
    meaning: str


ORDER_FACTS: dict[str, Fact] = {
    "channel": Fact("string", "id of the channel that sold it"),
    "channel_kind": Fact("string", "kind of the channel: `web`, `marketplace`, `store`, `b2b`"),
    "country": Fact("string", "of the destination, ISO 3166-1: `US`"),
    "currency": Fact("string", "ISO 4217"),
    "line_count": Fact("int", "number of lines still to be placed at this destination"),
    "lines": Fact("list(line)", "the lines"),
    "pick_up": Fact("bool", "whether the buyer collects it"),
    "postal_code": Fact("string", "of the destination, as the channel wrote it"),
    "priority": Fact("int", "priority of the channel; higher goes first"),
    "region": Fact("string", "of the destination, ISO 3166-2: `US-CA`; empty where the address has none"),
    "restrictions": Fact("list(string)", "of all products of the order: `hazmat`, `oversize`, `cold`, ..."),
    "service_level": Fact("string", "asked for by the buyer, if a service offers it; else empty"),
    "tags": Fact("list(string)", "tags and programmes of the order"),
    "units": Fact("int", "units of all lines"),
    "value": Fact("double", "worth of all units, in the currency of the order"),
    "weight_kg": Fact("double", "weight of all units"),
}
"""After ``order.``"""

LINE_FACTS: dict[str, Fact] = {
    "sku": Fact("string", "the SKU"),
    "quantity": Fact("int", "units"),
    "value": Fact("double", "worth of its units"),
    "weight_kg": Fact("double", "weight of its units"),
    "restrictions": Fact("list(string)", "of the product"),
    "group": Fact("string", "id of the group or kit it belongs to; empty where none"),
}
"""Of each of ``order.lines``."""

NODE_FACTS: dict[str, Fact] = {
    "country": Fact("string", "ISO 3166-1"),
    "handles": Fact("list(string)", "restrictions it may handle"),
    "id": Fact("string", "its id"),
    "kind": Fact("string", "`warehouse`, `store`, `third_party`, `supplier`"),
    "name": Fact("string", "its name; the id where it has none"),
    "postal_code": Fact("string", "of its address"),
    "priority": Fact("int", "as configured; lower is better"),
    "region": Fact("string", "as configured"),
    "services": Fact("list(string)", "ids of the carrier services that collect there"),
    "tags": Fact("list(string)", "as configured"),
}
"""After ``node.``"""
