"""``POST /v1/routes:test`` decides as the hub would, and writes nothing."""

from __future__ import annotations

from typing import Any

from sqlalchemy import inspect, text

from tests.api.builders import Client
from tests.processors.harness import Harness

CHICAGO = {"country": "US", "postal_code": "60601"}
URL = "/v1/routes:test"


def order(**changes: Any) -> dict[str, Any]:
    return {"channel": "web", "ship_to": CHICAGO, "lines": [{"sku": "SKU-2", "quantity": 1}], **changes}


def everything(hub: Harness) -> dict[str, list[Any]]:
    """All rows of all tables."""
    with hub.database.engine.connect() as connection:
        return {
            table: [tuple(row) for row in connection.execute(text(f'SELECT * FROM "{table}"'))]
            for table in inspect(connection).get_table_names()
        }


def test_a_route_is_tested_and_nothing_is_written(call: Client, hub: Harness) -> None:
    hub.clock.move(60)
    hub.stock("CHI", {"SKU-9": 4})
    hub.stock("NYC", {"SKU-9": 7})
    before = everything(hub)
    answer = call("POST", URL, json={"order": order(lines=[{"sku": "SKU-9", "quantity": 4}])})
    assert answer.status_code == 200, answer.text
    (route,) = answer.json()["routes"]
    assert [each["node"] for each in route["decision"]["assignments"]] == ["CHI"]
    assert route["decision"]["policy"] == "standard@1"
    assert {each["node"] for each in route["decision"]["candidates"]} == {"CHI", "NYC", "SFO"}
    assert "NYC would have won" in route["decision"]["words"]
    again = call("POST", URL, json={"order": order(lines=[{"sku": "SKU-9", "quantity": 4}])})
    assert again.json() == answer.json(), "the first test took nothing"
    assert everything(hub) == before


def test_a_draft_decides_in_place_of_the_policy_of_its_name(call: Client, hub: Harness) -> None:
    hub.clock.move(60)
    hub.stock("CHI", {"SKU-9": 4})
    hub.stock("NYC", {"SKU-9": 7})
    draft = (
        "policy: standard\nversion: 2\nfences: [{require: 'node.id == \"NYC\"'}]\nobjective: [shipments]\n"
    )
    tested = {"order": order(lines=[{"sku": "SKU-9"}]), "policy": draft}
    (route,) = call("POST", URL, json=tested).json()["routes"]
    assert route["decision"]["policy"] == "standard@2"
    assert route["decision"]["assignments"][0]["node"] == "NYC"
    assert {each["fence"] for each in route["decision"]["candidates"] if not each["chosen"]} == {"require"}


def test_a_canonical_order_of_several_destinations(call: Client, hub: Harness) -> None:
    hub.stock("CHI", {"SKU-9": 9})
    document = {
        "external_id": "PO-1",
        "destinations": [
            {"id": "a", "address": CHICAGO},
            {"id": "b", "address": {"country": "US", "postal_code": "00000"}},
        ],
        "lines": [
            {"external_id": "1", "sku": "SKU-9", "quantity": 1, "destination": "a"},
            {"external_id": "2", "sku": "SKU-9", "quantity": 1, "destination": "b"},
        ],
    }
    routes = call("POST", URL, json={"order": {"channel": "b2b", "document": document}}).json()["routes"]
    assert [(each["destination"], each["decision"] is None) for each in routes] == [("a", False), ("b", True)]
    assert "nobody knows where 00000" in routes[1]["refused"]


def test_a_kit_is_tested_by_its_components(call: Client, hub: Harness) -> None:
    hub.clock.move(60)
    kit = {
        "sku": "SET",
        "version": "1",
        "components": [{"sku": "SKU-8", "quantity": 2}, {"sku": "SKU-9", "quantity": 1}],
    }
    hub.send("product/1", kit, connection="erp")
    hub.stock("CHI", {"SKU-8": 4, "SKU-9": 4})
    (route,) = call("POST", URL, json={"order": order(lines=[{"sku": "SET", "quantity": 2}])}).json()[
        "routes"
    ]
    (shipment,) = route["decision"]["assignments"]
    assert {each["sku"]: each["quantity"] for each in shipment["lines"]} == {"SKU-8": 4, "SKU-9": 2}


def test_what_is_wrong_is_told_where_it_is(call: Client) -> None:
    def refused(**body: Any) -> tuple[int, str, str]:
        answer = call("POST", URL, json={"order": order(), **body})
        problem = answer.json()
        return answer.status_code, problem["errors"][0]["pointer"], problem["errors"][0]["detail"]

    unknown = refused(order=order(channel="shop"))
    assert unknown == (422, "#/order/channel", "name a channel; there are: b2b, web")
    status, pointer, detail = refused(policy="policy: p\nversion: 1\nobjective: [late_days, speed]\n")
    assert (status, pointer) == (422, "#/policy")
    assert detail.startswith("policy:3: objective.1.speed: unknown term 'speed'")
    fenced = "policy: p\nversion: 1\nobjective: [shipments]\nfences:\n- require: node.id == 'nowhere'\n"
    assert refused(policy=fenced)[2].startswith("policy:5: fences.0.require: no node of the network can pass")
    assert refused(policy=": [")[1] == "#/policy"
    assert refused(order={"channel": "web", "document": {"lines": [{"sku": "A"}]}})[1].startswith(
        "#/order/document/lines/0/"
    )
    assert refused(order=order(lines=[]))[0] == 422
    assert refused(order=order(placed_at="9999-12-31T23:00:00Z"))[0] == 422
    assert refused(at="9999-12-31T23:00:00Z")[0] == 422


def test_a_token_is_needed(call: Client) -> None:
    assert Client(call.app, token=None)("POST", URL, json={"order": order()}).status_code == 401
