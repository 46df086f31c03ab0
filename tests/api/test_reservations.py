from __future__ import annotations

from typing import Any

import pytest

from crossdock.store import api_tokens
from tests.api.builders import Client
from tests.processors.harness import Harness

UNTIL = "2026-11-23T12:00:00+01:00"


def reserve(call: Client, key: str = "cart-1", units: int = 1, **changes: Any) -> Any:
    lines = [{"sku": "SKU-2", "node": "NYC", "quantity": units}]
    return call(
        "POST",
        "/v1/reservations",
        json={"key": key, "channel": "web", "expires_at": UNTIL, "lines": lines} | changes,
    )


def test_a_reservation_from_cart_to_order(call: Client, hub: Harness) -> None:
    made = reserve(call)
    assert made.status_code == 201
    assert made.json() == {
        "key": "cart-1",
        "channel": "web",
        "state": "active",
        "expires_at": "2026-11-23T11:00:00Z",
        "lines": [{"sku": "SKU-2", "node": "NYC", "quantity": 1, "state": "active"}],
        "order_id": None,
    }
    assert reserve(call).json() == made.json()
    later = call("POST", "/v1/reservations/cart-1:extend", json={"expires_at": "2026-11-23T12:30:00Z"})
    assert later.json()["expires_at"] == "2026-11-23T12:30:00Z"
    hub.stock("SFO", {"SKU-2": 4})
    moved = call("POST", "/v1/reservations/cart-1:move", json={"node": "SFO"})
    assert [line["node"] for line in moved.json()["lines"]] == ["SFO"]
    assert call("GET", "/v1/reservations/cart-1").json() == moved.json()
    for _ in range(2):
        released = call("POST", "/v1/reservations/cart-1:release")
        assert released.json()["state"] == "released"


def test_a_reservation_is_confirmed_for_an_order_that_waits(call: Client, hub: Harness) -> None:
    lines = [{"sku": "SKU-9", "node": "SFO", "quantity": 1}]
    hub.stock("SFO", {"SKU-9": 1})
    reserve(call, lines=lines)
    for _ in range(2):
        confirmed = call("POST", "/v1/reservations/cart-1:confirm", json={"order_id": "shop:1004"})
        assert (confirmed.json()["state"], confirmed.json()["order_id"]) == ("confirmed", "shop:1004")
    (placed,) = hub.fulfilments("1004")
    assert placed.fulfilment.node == "SFO"
    other = call("POST", "/v1/reservations/cart-1:confirm", json={"order_id": "shop:1001"})
    assert "was confirmed for order shop:1004" in other.json()["detail"]
    released = call("POST", "/v1/reservations/cart-1:release")
    assert (released.status_code, released.json()["code"]) == (409, "reservation.confirmed")


def test_it_shows_as_expired_from_that_instant_on(call: Client, hub: Harness) -> None:
    reserve(call)
    hub.clock.move(3600)
    shown = call("GET", "/v1/reservations/cart-1").json()
    assert (shown["state"], shown["lines"][0]["state"]) == ("expired", "expired")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"lines": [{"sku": "SKU-2", "node": "NYC", "quantity": 99}]}, 409, "reservation.insufficient"),
        ({"lines": [{"sku": "SKU-2", "node": "LAX", "quantity": 1}]}, 422, "reservation.unknown_node"),
        ({"lines": [{"sku": "SKU-2", "node": "NYC", "quantity": 1}] * 2}, 422, "reservation.twice"),
        ({"expires_at": "2027-11-23T12:00:00Z"}, 422, "reservation.too_long"),
        ({"expires_at": "2026-11-23T09:00:00Z"}, 409, "reservation.expired"),
        ({"expires_at": "2026-11-23T12:00:00"}, 422, "invalid"),
        ({"key": "a/b"}, 422, "invalid"),
    ],
)
def test_what_is_wrong_is_said(call: Client, changes: dict[str, Any], status: int, code: str) -> None:
    answer = reserve(call, **changes)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_who_may_only_read_reserves_nothing(call: Client, hub: Harness) -> None:
    hub.database.transact_now(
        lambda c: api_tokens.create(c, "reader", "only-reads", ["read"], hub.clock.now())
    )
    reader = Client(call.app, "only-reads")
    assert reserve(reader).status_code == 403
    assert reader("GET", "/v1/reservations/cart-1").status_code == 404


def test_there_is_no_order_to_confirm_for(call: Client) -> None:
    reserve(call)
    answer = call("POST", "/v1/reservations/cart-1:confirm", json={"order_id": "shop:nobody"})
    assert answer.status_code == 404
    assert "send it first" in answer.json()["detail"]


def test_a_ring_fence_is_set_moved_once_and_given_free(call: Client) -> None:
    url = "/v1/ring-fences/SKU-2"
    wanted = {"channel": "b2b", "node": "NYC", "quantity": 2}
    kept = {"ring_fences": [{"channel": "b2b", "sku": "SKU-2", "node": "NYC", "quantity": 2}]}
    for _ in range(2):
        assert call("PUT", url, json=wanted).json() == kept
    stock = call("GET", "/v1/stock/SKU-2").json()
    assert stock["available_to_promise"] == {"web": 1, "b2b": 3}
    assert stock["ring_fences"] == [{"channel": "b2b", "node": "NYC", "quantity": 2}]
    assert reserve(call, units=2).json()["code"] == "reservation.insufficient"
    move = {"node": "NYC", "from_channel": "b2b", "to_channel": "web", "units": 1}
    for _ in range(2):
        moved = call("POST", f"{url}:move", json=move, headers={"Idempotency-Key": "m-1"})
        assert [each["quantity"] for each in moved.json()["ring_fences"]] == [1, 1]
    again = call("POST", f"{url}:move", json=move | {"units": 2}, headers={"Idempotency-Key": "m-1"})
    assert again.json()["code"] == "idempotency_key.reused"
    more = call("POST", f"{url}:move", json=move | {"units": 2}, headers={"Idempotency-Key": "m-2"})
    assert (more.status_code, more.json()["code"]) == (409, "ring_fence.insufficient")
    assert call("PUT", url, json=wanted | {"quantity": 0}).status_code == 200
    assert [each["channel"] for each in call("GET", url).json()["ring_fences"]] == ["web"]
    too_many = call("PUT", url, json=wanted | {"quantity": 9})
    assert "2 can be kept" in too_many.json()["detail"]
    assert call("PUT", url, json=wanted | {"channel": "x"}).json()["code"] == "ring_fence.unknown_channel"
