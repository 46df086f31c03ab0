from __future__ import annotations

from tests.api.builders import Client


def test_what_is_due_can_be_promised_from_then_on(call: Client) -> None:
    wanted = {"sku": "SKU-2", "node": "NYC", "quantity": 4, "due": "2026-11-25T08:00:00+01:00"}
    row = {"id": "PO-7/1", "sku": "SKU-2", "node": "NYC", "quantity": 4, "due": "2026-11-25T07:00:00Z"}
    for _ in range(2):
        assert call("PUT", "/v1/inbound/PO-7/1", json=wanted).json() == row
    assert call("GET", "/v1/inbound/PO-7/1").json() == row
    found = call("GET", "/v1/availability/SKU-2").json()
    assert found["inbound"] == [row]
    assert [(step["since"][:10], step["units"]) for step in found["channels"]["web"]] == [
        ("2026-11-23", 3),
        ("2026-11-25", 7),
    ]


def test_what_is_wrong_is_said(call: Client) -> None:
    wanted = {"sku": "SKU-2", "node": "NYC", "quantity": 4, "due": "2026-11-25T08:00:00Z"}
    nowhere = call("PUT", "/v1/inbound/PO-1", json=wanted | {"node": "LAX"})
    assert (nowhere.status_code, nowhere.json()["code"]) == (422, "inbound.unknown_node")
    assert call("PUT", "/v1/inbound/PO-1", json=wanted).status_code == 200
    other = call("PUT", "/v1/inbound/PO-1", json=wanted | {"sku": "SKU-1"})
    assert (other.status_code, other.json()["code"]) == (409, "inbound.reused")
    assert call("GET", "/v1/inbound/PO-2").status_code == 404
