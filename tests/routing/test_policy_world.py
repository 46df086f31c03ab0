"""What a configuration says about the orders that can come."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from crossdock.routing.formulas import Value
from crossdock.routing.model import Address
from crossdock.routing.policy_checks import World
from tests.routing.builders import node

OTHER = "\0other"
WORLD = World(
    nodes=(node("a", address=Address("US", "US-NY")), node("b", address=Address("US", "US-CA")), node("c")),
    channels={"shop": "web"},
    other_channels={"erp": "b2b", "shop": "store"},
    channel_kinds=("web", "store"),
    countries=("US", "CA"),
    currencies=("USD",),
    service_levels=("standard", "express"),
)
NOTHING = World()


def test_of_nothing_nothing_is_known() -> None:
    assert World((), {}, {}, (), (), (), (), ("kit", "set")) == NOTHING
    assert (NOTHING.kinds, NOTHING.elsewhere) == ({}, NOTHING)
    assert World(channel_kinds=("web",)).elsewhere.other_channels == {}


def test_a_channel_by_name_is_of_its_kind_and_others_may_come_elsewhere() -> None:
    assert WORLD.kinds == {"erp": "b2b", "shop": "web"}
    assert WORLD.elsewhere.kinds == {f"{OTHER} web": "web", f"{OTHER} store": "store", **WORLD.kinds}
    assert WORLD.elsewhere.channels == WORLD.channels


@pytest.mark.parametrize(
    ("world", "fact", "named", "values"),
    [
        (WORLD, "channel", ["x"], ["erp", "shop"]),
        (NOTHING, "channel", ["x", "x"], ["x", OTHER]),
        (WORLD, "service_level", ["x"], ["", "standard", "express"]),
        (WORLD, "country", ["MX", "MX"], ["MX", OTHER]),
        (WORLD, "units", [2.0], [1.0, 2.0, 3.0]),
        (WORLD, "value", [2.0], [2.0, 1.0, 3.0]),
        (WORLD, "order.pick_up", [], [False, True]),
    ],
)
def test_no_value_that_makes_a_difference_is_left_out(
    world: World, fact: str, named: Sequence[Value], values: list[Value]
) -> None:
    assert list(world.possible(fact, named)) == values


@pytest.mark.parametrize(
    ("world", "fact", "named", "values"),
    [
        (WORLD, "channel", ["x"], ["shop"]),
        (World(other_channels={"erp": "b2b"}), "channel", [], ["erp"]),
        (NOTHING, "channel", [], ["shop"]),
        (WORLD, "country", ["US", "MX"], ["US", "CA", "MX"]),
        (WORLD, "currency", ["SEK"], ["USD", "SEK"]),
        (WORLD, "region", ["US-TX"], ["US-CA", "US-NY", "US-TX", ""]),
        (WORLD, "postal_code", ["9"], ["00000", "9"]),
        (WORLD, "units", [2.0], [3.0, 2.0, 1.0]),
        (WORLD, "service_level", [], ["", "standard", "express"]),
        (WORLD, "order.pick_up", [], [False, True]),
    ],
)
def test_an_example_is_made_of_what_is_known(
    world: World, fact: str, named: Sequence[Value], values: list[Value]
) -> None:
    assert list(world.likely(fact, named)) == values
