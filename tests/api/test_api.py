from __future__ import annotations

import base64
import json
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from crossdock.api.entry import EXAMPLE
from crossdock.api.health import create_health_api
from crossdock.routing import decode_decision
from crossdock.store import api_tokens
from crossdock.store.engine import open_database
from crossdock.store.plumbing import api_tokens as token_rows
from crossdock.store.plumbing import raw_records
from crossdock.streams.processor import DeadLetter, Message
from crossdock.streams.topics import ORDERS
from tests.api.builders import Client
from tests.processors.harness import Harness
from tests.processors.test_returning import receipt, request, send, units


def problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert document["detail"]
    return document


def enter(call: Client, key: str = "key-1", **changes: Any) -> Any:
    body = json.dumps(EXAMPLE | changes)
    return call("POST", "/v1/orders?channel=b2b", content=body, headers={"Idempotency-Key": key})


def test_orders_are_listed_newest_first_in_pages_that_miss_none(call: Client) -> None:
    first = call("GET", "/v1/orders?limit=3").json()
    second = call("GET", "/v1/orders", params={"limit": 3, "cursor": first["next"]}).json()
    ids = [order["id"] for order in (*first["orders"], *second["orders"])]
    assert ids == ["shop:1004", "shop:1003", "shop:1002", "shop:1001"]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=shipped", ["shop:1001"]),
        ("sku=SKU-9", ["shop:1004"]),
        ("external_id=1002", ["shop:1002"]),
        ("channel=nowhere", []),
        ("created_from=2026-11-24T00:00:00Z", []),
        ("created_before=2026-11-24T00:00:00%2B01:00&state=on_hold", ["shop:1003"]),
    ],
)
def test_filters(call: Client, query: str, found: list[str]) -> None:
    answer = call("GET", f"/v1/orders?{query}")
    assert [order["id"] for order in answer.json()["orders"]] == found


def test_the_story_tells_everything_in_the_order_of_time(call: Client) -> None:
    story = call("GET", "/v1/orders/shop:1001/story").json()
    assert story["order"]["state"] == "shipped"
    kinds = [entry["kind"] for entry in story["entries"]]
    assert set(kinds) == {
        "received", "decision", "fulfilment_order", "command", "outcome", "shipment", "work_item"
    }  # fmt: skip
    (decided,) = [entry for entry in story["entries"] if entry["kind"] == "decision"]
    candidates = {each["node"]: each for each in decided["detail"]["candidates"]}
    assert candidates["CHI"]["chosen"]
    assert candidates["NYC"]["fence"] == "stock"
    sent = {e["detail"]["name"]: e["detail"]["document"] for e in story["entries"] if e["kind"] == "command"}
    assert sent["fulfilment.request"]["lines"][0]["sku"] == "SKU-1"
    assert [entry["at"] for entry in story["entries"]] == sorted(entry["at"] for entry in story["entries"])


def test_an_order_a_decision_and_stock_are_shown(call: Client, hub: Harness) -> None:
    assert call("GET", "/v1/orders/shop:1002").json()["lines"][0]["allocated"] == 2
    assert call("GET", "/v1/decisions/shop:1001%231").json()["assignments"][0]["node"] == "CHI"
    stock = call("GET", "/v1/stock/SKU-1").json()
    assert stock["nodes"][0] | {"as_of": None} == {
        "node": "CHI", "on_hand": 5, "reserved": 0, "allocated": 3, "quarantined": 0, "available": 2,
        "cover": 0, "shortfall": 0, "as_of": None,
    }  # fmt: skip
    assert stock["available_to_promise"] == {"web": 2, "b2b": 2}
    assert call("GET", "/v1/totals").json()["orders"]["shipped"] == 1
    hub.clock.move(60)
    assert call("GET", "/v1/connections").json() == {"running": False, "seen_until": None, "connections": []}
    assert call("GET", "/v1/kpis").json()["total"]["routing_accuracy"] == {
        "part": 1,
        "whole": 1,
        "share": "1.0000",
    }


def test_kpis_are_told_apart_by_what_the_caller_names(call: Client, hub: Harness) -> None:
    hub.clock.move(60)
    found = call("GET", "/v1/kpis?by=node&by=channel&days=60").json()
    assert found["by"] == ["node", "channel"]
    keys = [group["key"] for group in found["groups"]]
    assert keys == [{"node": None, "channel": "web"}, {"node": "CHI", "channel": "web"}]
    assert [group["kpis"]["inventory_accuracy"] for group in found["groups"]] == [None, None]
    assert found["groups"][1]["kpis"]["routing_accuracy"]["whole"] == 1
    problem(call("GET", "/v1/kpis?by=weather"), 422)
    problem(call("GET", "/v1/kpis?since=2026-11-23T10:00:00"), 422)


@pytest.mark.parametrize(
    "path", ["/v1/orders/none", "/v1/orders/none/story", "/v1/decisions/none", "/v1/stock/none", "/nowhere"]
)
def test_what_is_not_there_is_a_problem(call: Client, path: str) -> None:
    problem(call("GET", path), 404)


def test_an_order_is_taken_in_once_whatever_is_repeated(call: Client, hub: Harness) -> None:
    first = enter(call)
    assert first.status_code == 201
    assert first.headers["location"] == "/v1/orders/b2b:PO-4711"
    again = enter(call)
    assert (again.status_code, again.json()) == (200, first.json())
    other = problem(enter(call, lines=[]), 422)
    assert other["code"] == "idempotency_key.reused"
    (kept,) = hub.rows(raw_records, connection="b2b")
    assert json.loads(kept["body"]) == EXAMPLE
    hub.settle()
    shown = call("GET", "/v1/orders/b2b:PO-4711").json()
    assert (shown["channel"], shown["document"]["purchase_order"]) == ("b2b", "PO-4711")
    story = call("GET", "/v1/orders/b2b:PO-4711/story").json()
    assert json.loads(story["entries"][0]["detail"]["raw"]["text"]) == EXAMPLE


def test_no_digit_of_a_price_is_lost(call: Client, hub: Harness) -> None:
    body = json.dumps(EXAMPLE).replace('"10.00"', "1234567890123456789.10")
    key = {"Idempotency-Key": "digits"}
    assert call("POST", "/v1/orders?channel=b2b", content=body, headers=key).status_code == 201
    hub.settle()
    (line,) = call("GET", "/v1/orders/b2b:PO-4711").json()["document"]["lines"]
    assert line["unit_price"]["amount"] == "1234567890123456789.10"


def test_what_is_wrong_in_an_order_is_named_by_its_pointer(call: Client) -> None:
    lines = [{"external_id": "1", "sku": "SKU-1", "quantity": -2}]
    document = problem(enter(call, lines=lines, currency="DOLLAR"), 422)
    assert {part["pointer"] for part in document["errors"]} == {"#/lines/0/quantity", "#/currency"}


def test_an_order_needs_a_key_a_channel_and_json(call: Client) -> None:
    body = json.dumps(EXAMPLE)
    missing = problem(call("POST", "/v1/orders?channel=b2b", content=body), 422)
    assert (missing["errors"][0]["where"], missing["errors"][0]["pointer"]) == ("header", "idempotency-key")
    key = {"Idempotency-Key": "k"}
    assert problem(call("POST", "/v1/orders?channel=web", content=body, headers=key), 422)["code"] == (
        "channel.unknown"
    )
    problem(call("POST", "/v1/orders?channel=b2b", content=b'{"lines": [', headers=key), 400)


def test_a_dead_letter_is_mended_and_replayed(call: Client, hub: Harness) -> None:
    order = hub.message("order/1", b"{broken", connection="shop", key="shop:2001")
    letter = DeadLetter(
        "route", "bug", "can't be read", "$", b"\xff{broken", original=order, connection="shop"
    )
    bare = DeadLetter("receive", "x", "no message", "", b"?")
    hub.transactions.transact_now(lambda tx: tx.dead_letter(letter, bare))
    first, second = call("GET", "/v1/dead-letters").json()["dead_letters"]
    assert first["body"] == {"text": None, "base64": base64.b64encode(b"\xff{broken").decode()}
    page = call("GET", "/v1/dead-letters?limit=1").json()
    assert page["next"] == first["id"]
    mended = json.dumps(EXAMPLE | {"external_id": "2001"})
    replayed = call("POST", f"/v1/dead-letters/{first['id']}:replay", json={"body": mended})
    assert (replayed.status_code, replayed.json()["state"]) == (200, "replayed")
    hub.settle()
    assert call("GET", "/v1/orders/shop:2001").status_code == 200
    problem(call("POST", f"/v1/dead-letters/{first['id']}:discard"), 409)
    problem(call("POST", f"/v1/dead-letters/{second['id']}:replay"), 409)
    assert call("POST", f"/v1/dead-letters/{second['id']}:discard").json()["state"] == "discarded"
    problem(call("POST", "/v1/dead-letters/99:replay"), 404)


def test_a_work_item_is_resolved_once(call: Client) -> None:
    (item,) = call("GET", "/v1/work-items").json()["work_items"]
    path = f"/v1/work-items/{item['id']}:resolve"
    assert call("POST", path, json={"resolution": "the shop was told by hand"}).status_code == 204
    problem(call("POST", path, json={"resolution": "again"}), 409)
    (done,) = call("GET", "/v1/work-items?state=done").json()["work_items"]
    assert (done["resolution"], done["settled_by"]) == ("the shop was told by hand", "bootstrap")


def test_work_items_are_assigned_and_applied_each_with_its_result(call: Client, hub: Harness) -> None:
    (first, *_) = call("GET", "/v1/work-items").json()["work_items"]
    path = f"/v1/work-items/{first['id']}"
    assert call("POST", f"{path}:assign", json={"assigned_to": "ada"}).status_code == 204
    found = call("GET", "/v1/work-items?assigned_to=ada").json()
    assert ([each["id"] for each in found["work_items"]], found["more"]) == ([first["id"]], False)
    assert call("GET", "/v1/work-items?overdue=true").json()["work_items"] == []
    both = call("POST", "/v1/work-items:assign", json={"ids": [first["id"], 99], "assigned_to": None}).json()
    assert [(each["id"], each["done"]) for each in both["results"]] == [(first["id"], True), (99, False)]
    problem(call("POST", "/v1/work-items:assign", json={"assigned_to": "ada"}), 422)
    problem(call("POST", "/v1/work-items/99:apply"), 409)
    applied = call("POST", f"{path}:apply").json()
    assert applied == {"id": first["id"], "done": True, "state": "done", "said": applied["said"]}
    where = {"where": {"owner": first["owner"]}, "resolution": "x"}
    assert call("POST", "/v1/work-items:resolve", json=where).json() == {"results": [], "more": False}
    problem(call("POST", "/v1/work-items:apply", json={"ids": [1], "action": "dance"}), 422)
    assert call("POST", "/v1/work-items:apply", json={"where": {"overdue": True}}).json()["results"] == []


def test_returns_are_listed_and_shown(call: Client, hub: Harness) -> None:
    send(hub, request("R-1", {"sku": "SKU-1", "quantity": 1}))
    send(hub, receipt("RR-1", units("SKU-1"), request="R-1"))
    found = call("GET", "/v1/returns?state=disposed&node=CHI&order_id=shop:1001").json()
    assert ([each["id"] for each in found["returns"]], found["more"]) == (["shop:R-1"], False)
    shown = call("GET", "/v1/returns/shop:R-1").json()
    assert (shown["state"], shown["lines"][0]["received"], shown["received"][0]["disposition"]) == (
        "disposed", 1, "restock",
    )  # fmt: skip
    problem(call("GET", "/v1/returns/none"), 404)
    problem(call("GET", "/v1/returns?state=nonsense"), 422)


def test_tokens_open_what_their_scope_says_until_they_are_revoked(call: Client, hub: Harness) -> None:
    for name in ("read", "write"):
        make = partial(
            api_tokens.create, name=name, token=f"secret-{name}", scopes=[name], now=hub.clock.now()
        )
        hub.database.transact_now(make)
    assert b"secret-read" not in b"".join(str(row).encode() for row in hub.rows(token_rows))
    reader, writer = Client(call.app, "secret-read"), Client(call.app, "secret-write")
    assert reader("GET", "/v1/orders").status_code == 200
    assert problem(enter(reader), 403)["code"] == "forbidden"
    assert enter(writer).status_code == 201
    assert writer("GET", "/v1/orders").status_code == 200
    problem(writer("POST", "/v1/dead-letters/1:discard"), 403)
    problem(Client(call.app, None)("GET", "/v1/orders"), 401)
    hub.transactions.transact_now(lambda tx: api_tokens.revoke(tx.connection, "read", tx.now))
    refused = reader("GET", "/v1/orders")
    problem(refused, 401)
    assert refused.headers["www-authenticate"] == "Bearer"


def test_health_needs_no_token(call: Client) -> None:
    nobody = Client(call.app, None)
    assert nobody("GET", "/healthz").text == "ok\n"
    assert nobody("GET", "/readyz").text == "ready\n"
    assert "crossdock_messages_handled" in nobody("GET", "/metrics").text


def test_a_worker_says_how_it_is_and_nothing_else(hub: Harness, tmp_path: Path) -> None:
    worker = Client(create_health_api(hub.database), None)
    assert worker("GET", "/healthz").text == "ok\n"
    assert worker("GET", "/readyz").text == "ready\n"
    assert "crossdock_messages_handled" in worker("GET", "/metrics").text
    problem(worker("GET", "/v1/orders"), 404)
    away = Client(create_health_api(open_database(f"postgresql://nobody@/hub?host={tmp_path}")), None)
    assert problem(away("GET", "/readyz"), 503)["code"] == "database"
    assert away("GET", "/healthz").text == "ok\n"


def test_a_message_of_the_log_is_not_taken_for_another_order(call: Client, hub: Harness) -> None:
    """Two orders of one number in different connections are two orders."""
    assert enter(call, "a").status_code == 201
    hub.emit(
        Message(
            "other",
            ORDERS,
            "shop:PO-4711",
            json.dumps(EXAMPLE).encode(),
            {"schema": "order/1", "connection": "shop"},
        )
    )
    assert {order["id"] for order in call("GET", "/v1/orders?external_id=PO-4711").json()["orders"]} == {
        "b2b:PO-4711",
        "shop:PO-4711",
    }


def test_a_decision_of_an_older_program_is_explained(call: Client, hub: Harness) -> None:
    """What knows other fields of nodes computes another version of the same network."""
    with hub.database.engine.begin() as connection:
        (row,) = connection.execute(text("SELECT * FROM decisions WHERE id = 'shop:1001#1'")).mappings()
        older = msgspec.structs.replace(decode_decision(row["body"]), network_version="older")
        connection.execute(
            text("UPDATE decisions SET network = 'older', body = :body WHERE id = :id"),
            {"body": older.encode(), "id": row["id"]},
        )
        connection.execute(text("UPDATE network_versions SET version = 'older'"))
    shown = call("GET", "/v1/decisions/shop:1001%231").json()
    assert shown["not_explained"] == ""
    assert {each["node"] for each in shown["candidates"]} == {"CHI", "NYC", "SFO"}
