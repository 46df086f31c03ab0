"""The vendor's recordings of its real API: what we send is what was sent, and every answer is understood.

The recordings are read where they lie; without them these tests skip.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
import respx

from crossdock.sdk.connector import Limits
from crossdock.sdk.outcomes import AlreadyApplied, Applied, NotApplied, Rejected
from crossdock_schemas.fulfilment import Label, Rate, TrackingEvent, TrackingStatus
from tests.connectors.coverage import reasons_of, unread
from tests.connectors.easypost.builders import (
    Exchange,
    Node,
    canonical,
    cassette,
    decode,
    exchanges,
    execute,
    label_of,
    objects,
    pages,
    probe,
    request,
    run,
)
from tests.connectors.easypost.conftest import Connect
from tests.connectors.easypost.samples import PAGE, samples, text
from tests.connectors.easypost.test_labels import refund_of

API = "https://api.easypost.com"


@pytest.fixture
def api() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=API, assert_all_called=True) as router:
        yield router


def replay(api: respx.MockRouter, each: Exchange, *left_out: str) -> respx.Route:
    """Answer as recorded, to the recorded method, path, query and body; of the body ``left_out`` is not ours to say."""
    expected = _plain(each.body)
    for path in left_out:
        _drop(expected, path.split("."))

    def answer(sent: httpx.Request) -> httpx.Response:
        assert (_plain(decode(sent.content)) if sent.content else None) == expected
        return httpx.Response(each.status, content=each.content)

    params = dict(httpx.QueryParams(each.query))
    return api.request(each.method, each.path, params__eq=params).mock(side_effect=answer)


def _drop(node: Any, path: list[str]) -> None:
    for step in path[:-1]:
        node = node[step]
    del node[path[-1]]


def _plain(value: Any) -> Any:
    """Numbers as a JSON reader without Decimal sees them."""
    return json.loads(json.dumps(value, default=float))


def bare() -> list[Exchange]:
    """The creations that say what our `rate.shop` says: two addresses and a parcel."""
    return [
        each
        for each in exchanges()
        if (each.method, each.path) == ("POST", "/v2/shipments")
        and each.body["shipment"].keys() == {"from_address", "to_address", "parcel"}
        and "id" not in each.body["shipment"]["parcel"]
    ]


def test_prices_are_asked_for_as_recorded(api: respx.MockRouter, connect: Connect) -> None:
    recorded = bare()
    assert len(recorded) >= 7
    for each in recorded:
        replay(api, each)
        outcome = execute(connect(), "rate.shop", request())
        assert isinstance(outcome, Applied)
        assert outcome.ref == each.answer["id"]
        assert outcome.response is not None
        assert outcome.response.body == each.content
        rates = canonical("easypost/rates", decode(outcome.response.body))
        assert [(rate.external_id, str(rate.cost.amount)) for rate in rates] == [
            (rate["id"], rate["rate"]) for rate in each.answer["rates"]
        ]


def test_the_key_is_the_user_of_basic_auth(api: respx.MockRouter, connect: Connect) -> None:
    replay(api, bare()[0])
    execute(connect(), "rate.shop", request())
    assert api.calls.last.request.headers["authorization"] == "Basic RVpUS2dvb2Q6"


def test_a_label_is_bought_as_recorded(api: respx.MockRouter, connect: Connect) -> None:
    created, bought = cassette("test_shipment_buy")
    api.get("/v2/shipments/123").respond(
        404, json={"error": {"code": "NOT_FOUND", "message": "", "errors": []}}
    )
    # goods for customs are not in a label request, and the invoice number is the recording's own
    replay(api, created, "shipment.customs_info", "shipment.options.invoice_number")
    replay(api, bought)
    outcome = execute(connect(label_format="PNG"), "label.buy", request("123"))
    assert isinstance(outcome, Applied)
    label = label_of(outcome)
    assert label.external_id == bought.answer["id"]
    assert label.tracking_number == bought.answer["tracking_code"]
    assert str(label.cost.amount if label.cost else "") == bought.answer["selected_rate"]["rate"] == "6.07"


def test_an_end_shipper_is_named_as_recorded(api: respx.MockRouter, connect: Connect) -> None:
    _, created, bought = cassette("test_shipment_buy_with_end_shipper_id")
    api.get("/v2/shipments/S-1").respond(json=_plain(created.answer))
    api.get("/v2/shipments").respond(json={"shipments": [], "has_more": False})
    api.post(f"/v2/shipments/{created.answer['id']}/rerate").respond(
        json={"rates": _plain(created.answer["rates"])}
    )
    replay(api, bought)
    connector = connect(end_shipper_id=bought.body["end_shipper_id"])
    assert label_of(execute(connector, "label.buy", request("S-1"))).external_id == created.answer["id"]


def test_rates_are_renewed_as_recorded(api: respx.MockRouter, connect: Connect) -> None:
    created, rerated = cassette("test_shipment_regenerate_rates")
    _, bought = cassette("test_shipment_buy")
    cheapest = min(rerated.answer["rates"], key=lambda rate: Decimal(rate["rate"]))
    api.get("/v2/shipments/123").respond(json=_plain(created.answer))
    api.get("/v2/shipments").respond(json={"shipments": [], "has_more": False})
    replay(api, rerated)
    api.post(f"/v2/shipments/{created.answer['id']}/buy", json__eq={"rate": {"id": cheapest["id"]}}).respond(
        content=bought.content
    )
    assert isinstance(execute(connect(), "label.buy", request("123")), Applied)


def test_a_shipment_is_looked_up_as_recorded(api: respx.MockRouter, connect: Connect) -> None:
    _, retrieved = cassette("test_shipment_retrieve")
    replay(api, retrieved)
    assert probe(connect(), "label.refund", refund_of(retrieved.answer["id"])) == NotApplied()


def test_bought_shipments_are_listed_as_recorded(api: respx.MockRouter, connect: Connect) -> None:
    (listed,) = cassette("test_shipment_all")
    assert all(shipment["postage_label"] for shipment in listed.answer["shipments"])
    oldest: Node = listed.answer["shipments"][-1]
    shipments = [{**one, "reference": "S-1"} if one is oldest else one for one in listed.answer["shipments"]]
    late = {**_plain(oldest), "id": "shp_late", "postage_label": None, "created_at": "2025-03-07T17:00:00Z"}
    api.get("/v2/shipments/S-1").respond(json=late)
    api.get("/v2/shipments", params={"page_size": "100", "purchased": "true"}).respond(
        json=_plain({**listed.answer, "shipments": shipments})
    )
    api.get(f"/v2/shipments/{oldest['id']}").respond(json=_plain(shipments[-1]))
    outcome = probe(connect(), "label.buy", request("S-1"))
    assert isinstance(outcome, AlreadyApplied)
    assert outcome.ref == oldest["id"]


def test_a_refund_is_asked_for_in_the_documented_way(api: respx.MockRouter, connect: Connect) -> None:
    """There is no recording of a refund; the request is an empty object, the answer the shipment."""
    _, bought = cassette("test_shipment_buy")
    shipment = _plain(bought.answer)
    api.get(f"/v2/shipments/{shipment['id']}").respond(json=shipment)
    api.post(f"/v2/shipments/{shipment['id']}/refund", json__eq={}).respond(
        json={**shipment, "refund_status": "submitted"}
    )
    assert isinstance(execute(connect(), "label.refund", refund_of(shipment["id"])), Applied)


def test_trackers_are_listed_as_recorded(api: respx.MockRouter, connect: Connect, clock: Any) -> None:
    (listed,) = cassette("test_tracker_all")
    replay(api, listed)
    (page,) = pages(connect(track_days=180), limits=Limits(page_size=5, pages=1))
    assert page.records == (), "they are of 2025"
    clock._now = datetime(2025, 3, 7, tzinfo=UTC)
    (page,) = pages(connect(), limits=Limits(page_size=5, pages=1))
    assert [record.key for record in page.records] == [one["id"] for one in listed.answer["trackers"]]
    assert page.more is listed.answer["has_more"] is True
    assert page.cursor["before_id"] == listed.answer["trackers"][-1]["id"]
    assert [decode(record.payload) for record in page.records] == listed.answer["trackers"]


def test_webhooks_are_made_as_recorded(api: respx.MockRouter, connect: Connect) -> None:
    created = cassette("test_webhook_create")[0]
    secret = created.body["webhook"]["webhook_secret"]
    (listed,) = cassette("test_webhook_all")
    api.get("/v2/webhooks").respond(content=listed.content)
    replay(api, created, "webhook.custom_headers")
    change = run(connect(webhook_secret=secret).ensure_subscriptions(created.body["webhook"]["url"]))
    assert change.created == ("tracker.created", "tracker.updated")


def test_webhooks_are_changed_as_recorded(api: respx.MockRouter, connect: Connect) -> None:
    created, updated, _ = cassette("test_webhook_update")
    api.get("/v2/webhooks").respond(json={"webhooks": [_plain(created.answer)]})
    replay(api, updated, "custom_headers")
    connector = connect(webhook_secret=updated.body["webhook_secret"])
    assert run(connector.ensure_subscriptions(created.answer["url"])).kept == (
        "tracker.created",
        "tracker.updated",
    )


def refused() -> list[Exchange]:
    return [each for each in exchanges() if each.status >= 400]


def test_every_recorded_refusal_is_told_with_its_code_and_fields(
    api: respx.MockRouter, connect: Connect
) -> None:
    found = refused()
    assert len(found) >= 5
    for each in found:
        api.post("/v2/shipments").respond(each.status, content=each.content)
        outcome = execute(connect(), "rate.shop", request())
        error = each.answer["error"]
        assert isinstance(outcome, Rejected), each.cassette
        assert outcome.code == f"easypost.{error['code'].lower()}"
        assert error["message"] in outcome.message
        if error["errors"]:
            assert outcome.path == error["errors"][0]["field"]
            assert f"and {len(error['errors']) - 1} more" in outcome.message


def test_every_recorded_shipment_is_read() -> None:
    shipments = objects("Shipment")
    assert len(shipments) >= 25
    for shipment in shipments:
        rates = canonical("easypost/rates", shipment)
        assert len(rates) == len(shipment["rates"])
        assert all(isinstance(rate, Rate) for rate in rates)
        if shipment["postage_label"]:
            (label,) = canonical("easypost/label", shipment)
            assert isinstance(label, Label)
            assert label.tracking_number == shipment["tracking_code"]
            assert label.url == shipment["postage_label"]["label_url"]


def test_every_recorded_tracker_is_read_scan_for_scan() -> None:
    trackers = objects("Tracker")
    assert len(trackers) >= 10
    for tracker in trackers:
        events = canonical("easypost/tracker", tracker)
        assert [event.occurred_at for event in events] == [
            datetime.fromisoformat(detail["datetime"]) for detail in tracker["tracking_details"]
        ]
        assert all(isinstance(event, TrackingEvent) for event in events)
        assert len({event.external_id for event in events}) == len(events)
        assert {event.tracking_number for event in events} <= {tracker["tracking_code"]}


def test_a_tracker_comes_the_same_by_webhook() -> None:
    tracker = _plain(next(one for one in objects("Tracker") if one["tracking_details"]))
    event = {
        "description": "tracker.updated",
        "id": "evt_1",
        "mode": "test",
        "object": "Event",
        "result": tracker,
    }
    made = canonical("easypost/tracker_event", decode(json.dumps(event)))
    assert made == canonical("easypost/tracker", decode(json.dumps(tracker)))
    assert made[0].status is TrackingStatus.PRE_TRANSIT


@pytest.mark.parametrize("mapping", ["easypost/rates", "easypost/label", "easypost/tracker"])
def test_what_is_not_read_has_a_reason(mapping: str) -> None:
    _, documents = samples()[mapping]
    assert [
        one.path for one in unread(mapping, documents, reasons_of("easypost")[mapping]) if one.reason is None
    ] == []


def test_the_page_of_what_is_not_read_is_up_to_date() -> None:
    assert PAGE.read_text() == text(), "run: python -m tests.connectors.easypost.samples"
