from __future__ import annotations

from typing import Any

import pytest

from crossdock.store.order_tables import decisions, work_items
from tests.api.builders import Client
from tests.processors.harness import Harness
from tests.schemas.builders import a_line, an_address, an_order

ORDER = "/v1/orders/shop:A"


@pytest.fixture
def placed(hub: Harness) -> Harness:
    """Two of line 1 at Chicago, which has been asked."""
    hub.clock.move(60)
    hub.stock("CHI", {"SKU-1": 10, "SKU-2": 5})
    hub.send("order/1", an_order(external_id="A", lines=(a_line("1", "SKU-1", 2),)))
    return hub


@pytest.fixture
def held(placed: Harness) -> Harness:
    """The same, with its payment outstanding: no node was asked."""
    placed.send("order/1", an_order(external_id="A", version="2026-11-23T10:30:00Z", status="cancelled"))
    placed.send("order/1", an_order(external_id="B", status="pending", lines=(a_line("1", "SKU-1", 2),)))
    return placed


def amend(call: Client, order: str = ORDER, key: str = "key-1", **wish: Any) -> Any:
    answer = call("POST", f"{order}:amend", json=wish, headers={"Idempotency-Key": key})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_preview_says_what_would_happen_and_does_nothing(call: Client, placed: Harness) -> None:
    wish: dict[str, Any] = {
        "quantities": [{"line": "1", "quantity": 3}],
        "lines": [{"external_id": "2", "sku": "SKU-2", "quantity": 1}],
    }
    made, sent = len(placed.rows(decisions)), len(placed.commands("fulfilment.request"))
    preview = amend(call, preview=True, **wish)
    assert (preview["done"], preview["impossible"], preview["unplaced"]) == (False, [], [])
    assert preview["placed"] == [
        {"node": "CHI", "lines": [{"line": "1", "quantity": 1}, {"line": "2", "quantity": 1}]}
    ]
    assert [line["ordered"] for line in preview["order"]["lines"]] == [2]
    assert (len(placed.rows(decisions)), len(placed.commands("fulfilment.request"))) == (made, sent)
    done = amend(call, **wish)
    assert (done["done"], done["placed"]) == (True, preview["placed"])
    assert [line["ordered"] for line in done["order"]["lines"]] == [3, 1]
    assert len(placed.commands("fulfilment.request")) == sent + 1


def test_less_is_asked_of_the_node_and_the_channel_told_when_it_agrees(call: Client, placed: Harness) -> None:
    done = amend(call, quantities=[{"line": "1", "quantity": 1}], reason="buyer")
    assert done["asked"] == [{"line": "1", "quantity": 1}]
    again = amend(call, key="key-2", quantities=[{"line": "1", "quantity": 1}])
    assert (again["asked"], again["cancelled"]) == ([], [])
    (asked,) = [each for each in placed.fulfilments("A") if each.fulfilment.open]
    placed.answer(asked.id, "cancelled", lines=[{"sku": "SKU-1", "quantity": 1}])
    (told,) = placed.commands("order.cancel")
    assert told["document"]["lines"] == [{"external_id": "1", "quantity": 1}]


def test_what_cannot_be_done_is_said_and_nothing_is_done(call: Client, placed: Harness) -> None:
    placed.ship(placed.fulfilments("A")[0].id, {"SKU-1": 1}, final=False)
    wish: dict[str, Any] = {
        "quantities": [{"line": "1", "quantity": 0}, {"line": "7", "quantity": 1}],
        "addresses": [{"destination": "1", "address": {"country": "US", "postal_code": "10001"}}],
    }
    answer = amend(call, **wish)
    assert answer["done"] is False
    said = "\n".join(answer["impossible"])
    for part in ("no line '7'", "too much of it has left already", "which has the old address"):
        assert part in said
    assert answer["order"]["lines"][0]["cancelled"] == 0


def test_an_address_is_changed_where_no_node_was_asked(call: Client, held: Harness) -> None:
    held.stock("NYC", {"SKU-1": 10})
    new = an_address(city="New York", region="NY", postal_code="10001")
    done = amend(call, "/v1/orders/shop:B", addresses=[{"destination": "1", "address": new}])
    assert done["placed"] == [{"node": "NYC", "lines": [{"line": "1", "quantity": 2}]}]
    assert [each["state"] for each in done["order"]["fulfilment_orders"]] == ["cancelled", "on_hold"]
    paid = an_order(external_id="B", version="2026-11-23T10:40:00Z", lines=(a_line("1", "SKU-1", 2),))
    held.send("order/1", paid | {"destinations": ({"id": "1", "address": new},)})
    (asked,) = [row for row in held.commands("fulfilment.request") if row["document"]["order"] == "shop:B"]
    assert asked["document"]["ship_to"]["city"] == "New York"


def test_the_same_key_amends_once(call: Client, placed: Harness) -> None:
    wish: dict[str, Any] = {"lines": [{"external_id": "2", "sku": "SKU-2", "quantity": 1}]}
    amend(call, **wish)
    assert amend(call, **wish)["repeated"] is True
    assert [line["ordered"] for line in amend(call, preview=True)["order"]["lines"]] == [2, 1]


def test_units_given_up_are_wanted_again_by_an_amendment(call: Client, placed: Harness) -> None:
    amend(call, quantities=[{"line": "1", "quantity": 1}])
    placed.answer(placed.fulfilments("A")[0].id, "cancelled", lines=[{"sku": "SKU-1", "quantity": 1}])
    done = amend(call, key="key-2", quantities=[{"line": "1", "quantity": 2}])
    assert done["placed"] == [{"node": "CHI", "lines": [{"line": "1", "quantity": 1}]}]
    (line,) = done["order"]["lines"]
    assert (line["ordered"], line["cancelled"], line["allocated"]) == (3, 1, 2)


def test_what_the_channel_cannot_be_told_is_told_by_people(call: Client, placed: Harness) -> None:
    wish: dict[str, Any] = {
        "quantities": [{"line": "1", "quantity": 3}],
        "lines": [{"external_id": "2", "sku": "SKU-2", "quantity": 1}],
    }
    before = len(placed.rows(work_items, cause="tell_by_hand"))
    assert amend(call, preview=True, **wish)["by_hand"] == [
        "line 1: 3 instead of 2",
        "line 2: 1 of SKU-2 added",
    ]
    assert len(placed.rows(work_items, cause="tell_by_hand")) == before
    amend(call, **wish)
    (item,) = placed.rows(work_items, cause="tell_by_hand")[before:]
    assert (item["order_id"], item["owner"]) == ("shop:A", "customer_care")
    assert "line 1: 3 instead of 2; line 2: 1 of SKU-2 added" in item["message"]
    # Of what is cancelled the channel hears by itself.
    assert amend(call, key="key-2", quantities=[{"line": "2", "quantity": 0}])["by_hand"] == []
