from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from crossdock.errors import RecordRejectedError
from crossdock.routing import explain
from crossdock.store import decision_log
from crossdock.store.stock_tables import published_stock
from crossdock.streams.processors import reserving
from crossdock.streams.processors.reserving import Wanted
from crossdock.streams.processors.staleness import stale_nodes
from tests.processors.harness import START, Harness
from tests.schemas.builders import a_line, an_order

HOUR = 3600
RULES: list[dict[str, Any]] = [
    {"stale_for": "4h", "percent": 100},
    {"stale_for": "0s", "percent": 50},
    {"units": 1},
]


@pytest.fixture
def hub(make: Callable[..., Harness]) -> Harness:
    """Chicago's counts hold for an hour, New York's for ever, San Francisco never sends any."""
    nodes = make().hub.config.model_dump(mode="json")["nodes"]
    nodes[0]["feed"]["max_age"] = "1h"
    return make(nodes=nodes, safety_stock=RULES)


def order(hub: Harness, name: str, units: int) -> list[str]:
    hub.send("order/1", an_order(external_id=name, lines=(a_line(sku="A", quantity=units),)))
    return [each.fulfilment.node for each in hub.fulfilments(name)]


def told(hub: Harness) -> int:
    for timer in ("stale_feeds", "publish"):
        hub.tick(timer)
    (row,) = hub.rows(published_stock)
    return int(row["quantity"])


def test_a_node_is_stale_from_its_limit_on(hub: Harness) -> None:
    def stale() -> dict[str, timedelta]:
        return hub.database.read_now(lambda c: stale_nodes(hub.hub, c, hub.clock.now()))

    assert stale() == {"CHI": timedelta.max}
    hub.stock("CHI", {"A": 10})
    hub.clock.move(HOUR)
    assert stale() == {}
    hub.clock.move(1)
    assert stale() == {"CHI": timedelta(seconds=1)}


def test_more_is_kept_of_a_stale_node_and_in_the_end_nothing_is_sold(hub: Harness) -> None:
    hub.stock("CHI", {"A": 10})
    assert order(hub, "fresh", 1) == ["CHI"]
    hub.clock.move(2 * HOUR)
    assert order(hub, "five", 5) == []
    assert order(hub, "four", 4) == ["CHI"]
    hub.clock.move(4 * HOUR)
    assert order(hub, "one", 1) == []
    hub.stock("CHI", {"A": 9})
    assert order(hub, "again", 1) == ["CHI"]


def test_carts_are_held_to_it_too(hub: Harness) -> None:
    hub.stock("CHI", {"A": 10})
    hub.clock.move(2 * HOUR)
    with pytest.raises(RecordRejectedError, match="5 can be promised"):
        hub.transactions.transact_now(
            lambda tx: reserving.reserve(
                hub.hub, tx, "cart", "web", [Wanted("A", "CHI", 6)], START + timedelta(days=1)
            )
        )


def test_channels_hear_of_it_without_a_movement_and_when_it_is_over(hub: Harness) -> None:
    hub.stock("CHI", {"A": 10})
    assert told(hub) == 9
    hub.clock.move(2 * HOUR)
    assert told(hub) == 5
    hub.clock.move(4 * HOUR)
    assert told(hub) == 0
    hub.stock("CHI", {"A": 10})
    assert told(hub) == 9


def test_the_explanation_names_the_silent_node(hub: Harness) -> None:
    hub.stock("CHI", {"A": 10})
    hub.stock("NYC", {"A": 10})
    hub.clock.move(6 * HOUR)
    assert order(hub, "1", 1) == ["NYC"]
    (row,) = hub.database.read_now(lambda c: decision_log.of_order(c, "shop:1"))
    explained = explain(row.decision, hub.hub.network, hub.hub.policies)
    assert {each.node: each.stale for each in explained.candidates} == {
        "CHI": True,
        "NYC": False,
        "SFO": False,
    }
    assert explained.words().splitlines()[-1].endswith("kept: CHI.")


def test_without_rules_for_it_no_timer_looks(make: Callable[..., Harness]) -> None:
    assert "stale_feeds" not in make(safety_stock=[{"units": 1}]).timers
