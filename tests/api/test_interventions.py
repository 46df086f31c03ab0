from __future__ import annotations

from typing import Any

from tests.api.builders import Client
from tests.processors.harness import Harness

ROUTED, PENDING = "/v1/orders/shop:1002", "/v1/orders/shop:1003"


def cancel(call: Client, order: str, key: str = "key-1", **wish: Any) -> Any:
    return call("POST", f"{order}:cancel", json=wish, headers={"Idempotency-Key": key})


def test_a_hold_is_placed_shown_and_lifted(call: Client, hub: Harness) -> None:
    wish = {
        "name": "fraud_review",
        "owner": "risk",
        "reason": "two cards",
        "expires_at": "2026-12-01T00:00:00Z",
    }
    held = call("POST", f"{PENDING}:hold", json=wish).json()
    assert [hold["name"] for hold in held["holds"]] == ["pending", "fraud_review"]
    assert held["holds"][1]["owner"] == "risk"
    call("POST", f"{PENDING}:release", json={"name": "pending"})
    assert call("GET", PENDING).json()["state"] == "on_hold"
    released = call("POST", f"{PENDING}:release", json={"name": "fraud_review"}).json()
    assert released["state"] == "routed"
    assert released["holds"][1]["ended_by"] == "bootstrap"
    assert released["fulfilment_orders"][0]["state"] == "requested"


def test_a_hold_that_is_not_there_and_one_that_begins_expired_are_refused(call: Client) -> None:
    unknown = call("POST", f"{PENDING}:release", json={"name": "credit"})
    assert (unknown.status_code, unknown.json()["code"]) == (409, "orders.unknown_hold")
    expired = {"name": "x", "owner": "risk", "expires_at": "2020-01-01T00:00:00Z"}
    assert call("POST", f"{PENDING}:hold", json=expired).status_code == 409
    naive = {"name": "x", "owner": "risk", "expires_at": "2026-12-01T00:00:00"}
    assert call("POST", f"{PENDING}:hold", json=naive).status_code == 422
    assert call("POST", "/v1/orders/shop:nowhere:hold", json={"name": "x", "owner": "y"}).status_code == 404


def test_a_node_is_asked_to_cancel_and_the_order_shows_both(call: Client, hub: Harness) -> None:
    answer = cancel(call, ROUTED, lines=[{"line": "1", "quantity": 1}], reason="customer").json()
    assert answer["asked"] == [{"line": "1", "quantity": 1}]
    (asked,) = answer["order"]["fulfilment_orders"]
    assert (asked["state"], asked["lines"][0]["to_cancel"]) == ("cancel_requested", 1)
    hub.answer(asked["id"], "cancel_refused")
    order = call("GET", ROUTED).json()
    assert order["fulfilment_orders"][0]["state"] == "accepted"
    assert order["lines"][0]["cancelled"] == 0


def test_the_same_key_cancels_once_and_another_wish_under_it_is_refused(call: Client) -> None:
    wish: dict[str, Any] = {"lines": [{"line": "1", "quantity": 1}]}
    assert cancel(call, PENDING, **wish).json()["cancelled"] == [{"line": "1", "quantity": 1}]
    again = cancel(call, PENDING, **wish).json()
    assert (again["repeated"], again["cancelled"]) == (True, [])
    assert again["order"]["state"] == "cancelled"
    assert cancel(call, PENDING).json()["code"] == "idempotency_key.reused"
    assert cancel(call, PENDING, "key-2", **wish).json()["too_late"] == [{"line": "1", "quantity": 1}]
