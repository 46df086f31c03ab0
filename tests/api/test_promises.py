"""``POST /v1/promises`` tells what the hub would do, and holds it when it is told to."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crossdock.api.shortcut import PromiseShortcut
from crossdock.store.engine import Database
from crossdock.store.stock_tables import reservations
from crossdock.trying.promised import Promiser
from tests.api.builders import CHANNELS, TOKEN, Client, api_services, build_api
from tests.api.test_routes import CHICAGO, everything
from tests.doctor.builders import build
from tests.processors.harness import Harness

URL = "/v1/promises"
SERVICES = [
    {"id": "ground", "carrier": "ups", "rate_card": "ups", "transit_days": [3, 4, 5]},
    {"id": "air", "carrier": "ups", "rate_card": "air", "transit_days": [1]},
]
CARD = {"weight_breaks_grams": [10_000], "distance_bands_km": [500, 2000]}
CARDS = [
    {**CARD, "id": "ups", "rates": [["5"], ["7"], ["11"]]},
    {**CARD, "id": "air", "rates": [["20"], ["30"], ["40"]]},
]
POSITIONS = {"CHI": (41.88, -87.62), "NYC": (40.75, -73.99), "SFO": (37.79, -122.39)}
NODES = [
    {
        "id": name,
        "kind": "store" if name == "SFO" else "warehouse",
        "address": {"country": "US", "latitude": latitude, "longitude": longitude},
        "services": ["ground", "air"],
        "connection": "wms",
    }
    for name, (latitude, longitude) in POSITIONS.items()
]


@pytest.fixture
def hub(database: Database) -> Harness:
    hub = build(database, {**CHANNELS, "services": SERVICES, "rate_cards": CARDS, "nodes": NODES})
    hub.clock.move(60)
    hub.stock("CHI", {"SKU-7": 4})
    hub.stock("NYC", {"SKU-7": 9})
    hub.stock("SFO", {"SKU-7": 2, "SKU-8": 2})
    return hub


@pytest.fixture
def call(hub: Harness, tmp_path: Path) -> Client:
    return Client(build_api(hub, tmp_path / "bodies"))


def cart(*quantities: int, **changes: Any) -> dict[str, Any]:
    lines = [
        {"sku": f"SKU-{number}", "quantity": units}
        for number, units in enumerate(quantities, start=7)
        if units
    ]
    return {"channel": "b2b", "ship_to": CHICAGO, "lines": lines, **changes}


def promised(call: Client, **body: Any) -> dict[str, Any]:
    answer = call("POST", URL, json={"order": cart(1), **body})
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["destinations"]
    return dict(found)


def brief(found: dict[str, Any]) -> list[tuple[str, str, float]]:
    return [
        (offer["shipments"][0]["node"], offer["delivery_date"], float(offer["cost"]))
        for offer in found["offers"]
    ]


def test_windows_are_all_days_on_which_something_better_arrives(call: Client, hub: Harness) -> None:
    before = everything(hub)
    windows = promised(call, mode="windows")
    assert [(node, cost) for node, _, cost in brief(windows)] == [("CHI", 20), ("CHI", 5)]
    (_, early, _), (_, late, _) = brief(windows)
    assert early < late
    assert brief(promised(call)) == brief(windows)[:1], "the earliest is what is asked for by default"
    in_time = promised(call, mode="by", by=late)
    assert (in_time["kept"], brief(in_time)) == (True, brief(windows)[1:])
    too_soon = promised(call, mode="by", by="2026-01-01")
    assert (too_soon["kept"], brief(too_soon)) == (False, brief(windows)[:1])
    assert everything(hub) == before


def test_an_offer_is_what_routing_would_do(call: Client) -> None:
    (offer,) = promised(call, order=cart(6))["offers"]
    (route,) = call("POST", "/v1/routes:test", json={"order": cart(6, service=None)}).json()["routes"]
    assert {each["node"] for each in route["decision"]["assignments"]} == {"NYC"}
    assert {each["node"] for each in offer["shipments"]} == {"NYC"}


def test_an_offer_ends_at_the_cut_off_or_after_a_quarter_of_an_hour(call: Client, hub: Harness) -> None:
    (offer,) = promised(call)["offers"]
    limit = hub.clock.now() + timedelta(minutes=15)
    assert offer["valid_until"] == limit.isoformat().replace("+00:00", "Z")


def test_confidence_is_how_exact_the_counts_were(call: Client, hub: Harness) -> None:
    assert promised(call)["offers"][0]["confidence"] is None, "one count says nothing"
    hub.clock.move(60)
    hub.stock("CHI", {"SKU-7": 3, "SKU-1": 5, "SKU-8": 0, "SKU-9": 0})
    hub.clock.move(60)
    found = promised(call)["offers"][0]
    assert found["shipments"][0]["node"] == "CHI"
    assert 0 < float(found["confidence"]) < 1


def test_stores_that_have_everything_are_named_the_nearest_first(call: Client) -> None:
    (store,) = promised(call, order=cart(1, 2), pick_up_options=5)["pick_up"]
    assert (store["node"], 2900 < store["distance_km"] < 3100) == ("SFO", True)
    assert promised(call, order=cart(3), pick_up_options=5)["pick_up"] == [], "it has only two"
    assert promised(call, order=cart(1))["pick_up"] == [], "nobody asked"


def test_what_cannot_be_had_is_said_line_by_line(call: Client) -> None:
    found = promised(call, order=cart(1, 5))
    assert found["offers"] == []
    assert [(line["sku"], bool(line["reason"])) for line in found["unfilled"]] == [("SKU-8", True)]
    nowhere = promised(call, order=cart(1, ship_to={"country": "US", "postal_code": "00000"}))
    assert "nobody knows where 00000" in nowhere["refused"]


def test_units_are_reserved_once(call: Client, hub: Harness) -> None:
    asked = {"order": cart(4), "reserve": {"key": "cart-1", "minutes": 20}}
    answer = call("POST", URL, json=asked)
    assert answer.status_code == 200, answer.text
    until = (hub.clock.now() + timedelta(minutes=20)).isoformat().replace("+00:00", "Z")
    assert answer.json()["reserved_until"] == until
    hub.clock.move(60)
    again = call("POST", URL, json=asked)
    assert again.json()["reserved_until"] == until
    (held,) = hub.rows(reservations)
    assert (held["sku"], held["node"], held["quantity"]) == ("SKU-7", "CHI", 4)
    (others,) = call("POST", URL, json={"order": cart(4)}).json()["destinations"]
    assert others["offers"][0]["shipments"][0]["node"] == "NYC", "what is held is promised to nobody else"
    hub.clock.move(1200)
    assert promised(call, order=cart(4))["offers"][0]["shipments"][0]["node"] == "CHI", "it has lapsed"


def test_a_line_that_an_offer_splits_is_reserved_at_both_nodes(call: Client, hub: Harness) -> None:
    found = call("POST", URL, json={"order": cart(12), "reserve": {"key": "cart-2"}})
    assert found.status_code == 200, found.text
    held = {row["node"]: row["quantity"] for row in hub.rows(reservations)}
    assert sum(held.values()) == 12
    assert len(held) == 2
    shipments = found.json()["destinations"][0]["offers"][0]["shipments"]
    assert {each["node"]: each["lines"][0]["quantity"] for each in shipments} == held


def test_nothing_is_reserved_of_what_cannot_be_had(call: Client, hub: Harness) -> None:
    answer = call("POST", URL, json={"order": cart(1, 5), "reserve": {"key": "cart-2"}})
    assert answer.status_code in (409, 422)
    assert "SKU-8" in answer.json()["detail"]
    assert hub.rows(reservations) == []


def test_supply_that_is_due_is_offered_and_not_reserved(database: Database, tmp_path: Path) -> None:
    waits = {"policy": "waits", "version": 1, "objective": ["shipments"], "unfillable": {"then": "backorder"}}
    changes = {**CHANNELS, "services": SERVICES, "rate_cards": CARDS, "nodes": NODES, "policies": [waits]}
    hub = build(database, changes)
    call = Client(build_api(hub, tmp_path / "bodies"))
    due = (hub.clock.now() + timedelta(days=3)).isoformat().replace("+00:00", "Z")
    supply = {"sku": "SKU-7", "node": "CHI", "quantity": 2, "due": due}
    assert call("PUT", "/v1/inbound/PO-1", json=supply).status_code == 200
    (offer,) = promised(call)["offers"]
    assert (offer["shipments"][0]["node"], offer["supply_due"]) == ("CHI", due)
    refused = call("POST", URL, json={"order": cart(1), "reserve": {"key": "cart-9"}})
    assert (refused.status_code, refused.json()["code"]) == (409, "promise.supply")
    assert hub.rows(reservations) == []


def test_what_is_wrong_is_told_where_it_is(call: Client) -> None:
    for wrong in ({"mode": "by"}, {"by": "2026-12-01"}, {"order": cart(1, channel="none")}, {"mode": "soon"}):
        answer = call("POST", URL, json={"order": cart(1), **wrong})
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"]
    assert Client(call.app, token=None)("POST", URL, json={"order": cart(1)}).status_code == 401


def test_the_way_past_the_framework_gives_the_same_answers(call: Client) -> None:
    def answers(**headers: str) -> list[tuple[int, Any]]:
        found = []
        for body in (
            {"order": cart(1)},
            {"order": cart(6, 2), "mode": "windows", "pick_up_options": 2},
            {"order": cart(99)},
            {"order": cart(1), "mode": "by"},
            {"order": cart(1), "reserve": {"key": "cart-7"}},
        ):
            answer = call("POST", URL, json=body, headers=headers)
            found.append((answer.status_code, answer.json()))
        return found

    short, framework = answers(), answers(**{"Content-Type": "application/json; charset=utf-8"})
    assert short == framework
    assert [status for status, _ in short] == [200, 200, 200, 422, 200]


def test_only_what_is_wrong_and_what_reserves_goes_through_the_framework(
    hub: Harness, tmp_path: Path
) -> None:
    handed_on: list[bytes] = []

    async def framework(_: Any, receive: Any, send: Any) -> None:
        handed_on.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    services = api_services(hub, tmp_path / "bodies")
    shortcut = PromiseShortcut(services, Promiser(hub.hub), framework)

    def status(token: str = TOKEN, **body: Any) -> int:
        return Client(shortcut, token)("POST", URL, json={"order": cart(1), **body}).status_code

    assert (status(), handed_on) == (200, [])
    assert [status("unknown"), status(mode="by"), status(reserve={"key": "cart-7"})] == [204] * 3
    assert [b"order" in body for body in handed_on] == [True] * 3, "with the body"
