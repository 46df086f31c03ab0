"""A network that can't work is refused, and the error says where and what to change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from decimal import Decimal

import pytest

from crossdock.routing import (
    Calendar,
    Network,
    Node,
    OpeningHours,
    PostalZone,
    RateCard,
    Service,
    Surcharge,
)
from crossdock.routing.model import Money
from crossdock.sdk.errors import MisconfiguredError
from tests.routing.builders import network, node, rate_card, rate_cards

ONE, TWO = Decimal(1), Decimal(2)
GROUND = Service("ground", "parcel", "ground", (1,))


def build(
    nodes: Sequence[Node] = (), service: Service = GROUND, cards: Sequence[RateCard] | None = None
) -> Network:
    return Network(nodes, [service], rate_cards() if cards is None else cards, currency="USD")


def card(**changes: object) -> RateCard:
    facts: dict[str, object] = {"weight_breaks_grams": (500, 1000), "rates": ((ONE, TWO),), **changes}
    return RateCard("ground", "USD", **facts)  # type: ignore[arg-type]


def test_what_is_on_the_edge_of_the_rules_is_taken() -> None:
    """As many bands as zones, one transit time for all of them, a postal zone that is the last, hours of a minute."""
    open_for_a_minute = Calendar((OpeningHours(0, time(9), time(9, 1)),))
    widest = card(
        weight_breaks_grams=(1, 2),
        rates=((ONE, TWO), (ONE, TWO)),
        distance_bands_km=(100.0, 200.0),
        postal_zones=(PostalZone("1", 0), PostalZone("2", 1)),
        surcharges=(Surcharge("bulky", amount=ONE, restriction="oversize"), Surcharge("fuel", percent=ONE)),
    )
    assert build([node("a", calendar=open_for_a_minute, services=("ground",))], cards=[widest]).size == 1


@pytest.mark.parametrize(
    ("nodes", "service", "path", "message"),
    [
        ([node("a"), node("a")], GROUND, "nodes", "two nodes have the same id"),
        (
            [],
            Service("ground", "p", "air", (1,)),
            "services.ground",
            "unknown rate card 'air'; known: express, ground",
        ),
        (
            [],
            Service("ground", "p", "ground", (1, 2)),
            "services.ground.transit_days",
            "2 values, rate card 'ground' has 5 zones",
        ),
        (
            [node("a", services=("drone",))],
            GROUND,
            "nodes.a.services",
            "unknown service 'drone'; known: ground",
        ),
        (
            [node("a", services=(), calendar=Calendar((OpeningHours(2, time(9), time(9)),)))],
            GROUND,
            "nodes.a.calendar",
            "weekday 2 closes at 09:00:00, before it opens at 09:00:00",
        ),
    ],
)
def test_what_refers_to_nothing_is_refused(
    nodes: list[Node], service: Service, path: str, message: str
) -> None:
    with pytest.raises(MisconfiguredError, match=message) as refused:
        build(nodes, service)
    assert refused.value.path == path


def test_nothing_known_is_said_to_be_none() -> None:
    with pytest.raises(MisconfiguredError, match="unknown rate card 'ground'; known: none"):
        build(cards=[])
    with pytest.raises(MisconfiguredError, match="unknown service 'ground'; known: none"):
        Network([node("a")], [], [], currency="USD")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rates": ()}, "has no rates"),
        ({"weight_breaks_grams": (), "rates": ((),)}, "has no rates"),
        ({"weight_breaks_grams": (0, 500)}, "positive and strictly ascending"),
        ({"weight_breaks_grams": (500, 500)}, "positive and strictly ascending"),
        ({"weight_breaks_grams": (1000, 500)}, "positive and strictly ascending"),
        ({"rates": ((ONE, TWO), (ONE,))}, "zone 1: 1 rates for 2 weight steps"),
        (
            {"distance_bands_km": (200.0, 100.0), "rates": ((ONE, TWO),) * 3},
            "distance_bands_km must be strictly",
        ),
        ({"distance_bands_km": (9.0, 9.0), "rates": ((ONE, TWO),) * 3}, "distance_bands_km must be strictly"),
        ({"distance_bands_km": (100.0, 200.0)}, "more distance bands than zones"),
        ({"postal_zones": (PostalZone("1", 1),)}, "postal zone 1 has no row"),
        ({"postal_zones": (PostalZone("1", -1),)}, "postal zone -1 has no row"),
        ({"surcharges": (Surcharge("bulky", percent=ONE, restriction="oversize"),)}, "'bulky' on a restric"),
    ],
)
def test_a_rate_card_that_is_not_well_formed_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(MisconfiguredError, match=message) as refused:
        build(cards=[card(**changes)])
    assert refused.value.path == "rate_cards.ground"


def test_money_needs_an_exchange_rate() -> None:
    with pytest.raises(
        MisconfiguredError, match="'ground' is in USD: give its exchange rate to EUR"
    ) as refused:
        Network([], [GROUND], [rate_card()], currency="EUR")
    assert refused.value.path == "rate_cards.ground.currency"
    net = network([])
    assert net.converted(Money(TWO, "USD")) == TWO
    with pytest.raises(MisconfiguredError, match="no exchange rate from EUR to USD") as unknown:
        net.converted(Money(TWO, "EUR"))
    assert unknown.value.path == "exchange_rates.EUR"
