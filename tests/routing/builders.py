"""A network, orders and policies for tests, all made from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from crossdock.routing.compiled_policy import PolicySet, compile_policy
from crossdock.routing.model import (
    Address,
    Capacity,
    Demand,
    DemandLine,
    Destination,
    HandlingCost,
    Node,
    NodeKind,
    Position,
    RateCard,
    Service,
)
from crossdock.routing.network import Network
from crossdock.routing.supply import SupplyView

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
"""A Monday, 10 o'clock in New York."""

STANDARD: dict[str, object] = {
    "policy": "standard",
    "version": 12,
    "objective": ["late_days", "shipments", {"shipping_cost": 1, "handling_cost": 1}],
}


def rate_card(card_id: str = "ground", *, factor: str = "1", zones: int = 5) -> RateCard:
    breaks = (500, 1000, 2000, 5000, 10000, 30000)
    rates = tuple(
        tuple(
            (Decimal(factor) * (Decimal("3.10") + Decimal("0.85") * zone + Decimal("1.37") * step)).quantize(
                Decimal("0.01")
            )
            for step in range(len(breaks))
        )
        for zone in range(zones)
    )
    bands = (250.0, 500.0, 1000.0, 2000.0, 3500.0)[: zones - 1]
    return RateCard(card_id, "USD", breaks, rates, bands, dim_divisor_cm3_per_kg=5000)


def services() -> tuple[Service, ...]:
    return (
        Service("ground", "parcel", "ground", (1, 2, 3, 4, 5)),
        Service("express", "parcel", "express", (1, 1, 1, 2, 2), levels=("standard", "express")),
    )


def rate_cards() -> tuple[RateCard, ...]:
    return (rate_card(), rate_card("express", factor="2.6"))


def node(node_id: str, latitude: float = 40.7, longitude: float = -74.0, **changes: object) -> Node:
    facts: dict[str, object] = {
        "name": node_id.upper(),
        "kind": NodeKind.WAREHOUSE,
        "position": Position(latitude, longitude),
        "address": Address("US", "US-NY", "10001"),
        "time_zone": "America/New_York",
        "cut_off": time(14),
        "services": ("ground", "express"),
        "processing_time": timedelta(hours=2),
        **changes,
    }
    return Node(id=node_id, **facts)  # type: ignore[arg-type]


def random_nodes(count: int, random: Random, *, capacity: bool = False) -> list[Node]:
    nodes = []
    for number in range(count):
        limit = Capacity(random.randint(1, 50), None, random.randint(2, 60)) if capacity else Capacity()
        nodes.append(
            node(
                f"n{number:04}",
                random.uniform(29, 47),
                random.uniform(-122, -72),
                tags=random.choice([("store",), ("dc",), ("dc", "sfp")]),
                capacity=limit,
                handling_cost=HandlingCost(
                    Decimal(random.randint(50, 300)) / 100,
                    Decimal(random.randint(0, 50)) / 100,
                    Decimal(random.randint(0, 20)) / 100,
                ),
                cut_off=random.choice([None, time(9), time(14)]),
            )
        )
    return nodes


def network(nodes: Sequence[Node], *, cards: Sequence[RateCard] | None = None) -> Network:
    return Network(nodes, services(), rate_cards() if cards is None else cards, currency="USD")


def line(number: int, quantity: int = 1, **changes: object) -> DemandLine:
    facts: dict[str, object] = {
        "unit_value": Decimal("20.00"),
        "unit_weight_grams": 400,
        "unit_volume_cm3": 900,
        **changes,
    }
    return DemandLine(f"l{number}", f"sku{number}", quantity, **facts)  # type: ignore[arg-type]


def destination(latitude: float = 40.7, longitude: float = -74.0) -> Destination:
    return Destination(Address("US", "US-NY", "10001"), Position(latitude, longitude))


def demand(lines: Sequence[DemandLine], **changes: object) -> Demand:
    facts: dict[str, object] = {
        "order_id": "o1",
        "channel": "shop",
        "channel_kind": "web",
        "currency": "USD",
        "destination": destination(),
        "promise": date(2026, 11, 27),
        **changes,
    }
    return Demand(lines=tuple(lines), **facts)  # type: ignore[arg-type]


def random_demand(random: Random, lines: int, **changes: object) -> Demand:
    return demand(
        [
            line(
                number,
                random.randint(1, 4),
                unit_value=Decimal(random.randint(500, 9000)) / 100,
                unit_weight_grams=random.randint(50, 6000),
                unit_volume_cm3=random.randint(100, 12000),
            )
            for number in range(lines)
        ],
        destination=destination(random.uniform(29, 47), random.uniform(-122, -72)),
        **changes,
    )


def random_supply(net: Network, order: Demand, random: Random, fill: float = 0.5) -> SupplyView:
    return SupplyView(
        net,
        [
            (each.sku, place.id, random.randint(1, 12))
            for each in order.lines
            for place in net.nodes
            if random.random() < fill
        ],
    )


def policies(**changes: object) -> PolicySet:
    """The standard policy with changes, alone."""
    return PolicySet([compile_policy({**STANDARD, **changes})])
