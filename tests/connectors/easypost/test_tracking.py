"""Trackers by poll and by webhook."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest

from crossdock.sdk.clock import ManualClock
from crossdock.sdk.connector import Cursor, Limits, RawRequest, Refused, Verified
from crossdock.sdk.errors import MisconfiguredError
from crossdock_connectors.easypost.webhooks import signature
from tests.connectors.easypost.account import Account, error
from tests.connectors.easypost.builders import Node, canonical, decode, pages, run
from tests.connectors.easypost.conftest import Connect

URL = "https://hub.acme.example/hooks/carrier"


def tracker(number: int, created: str = "2026-11-20", updated: str = "2026-11-22", **changes: Any) -> Node:
    return {
        "id": f"trk_{number}", "object": "Tracker", "mode": "test", "tracking_code": f"94{number:04}",
        "carrier": "USPS", "status": "in_transit", "created_at": f"{created}T00:00:{number % 60:02}Z",
        "updated_at": f"{updated}T00:00:00Z", "est_delivery_date": None, "signed_by": None, "shipment_id": "shp_1",
        "tracking_details": [scan("pre_transit", "20T08"), scan("in_transit", "21T09", "Arrived at facility")],
    } | changes  # fmt: skip


def scan(status: str, at: str, message: str = "Label created", **changes: Any) -> Node:
    return {
        "status": status, "datetime": f"2026-11-{at}:00:00Z", "message": message, "carrier_code": "",
        "tracking_location": {"city": "RENO", "state": "NV", "country": "US", "zip": "01234"},
    } | changes  # fmt: skip


def keys(found: Any) -> list[str]:
    return [record.key for page in found for record in page.records]


# --- poll ---------------------------------------------------------------------------------------------------


def test_the_first_poll_brings_all_and_the_next_what_changed(
    account: Account, address: str, connect: Connect, clock: ManualClock
) -> None:
    account.trackers = [tracker(number) for number in range(7)]
    connector = connect(base_url=address)
    found = pages(connector, limits=Limits(page_size=3))
    assert [len(page.records) for page in found] == [3, 3, 1]
    assert [page.more for page in found] == [True, True, False]
    assert found[-1].watermark == datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert found[-1].cursor == {"since": "2026-11-23T10:00:00+00:00"}
    assert sorted(keys(found)) == [f"trk_{number}" for number in range(7)]
    assert found[0].records[0].dedupe == "trk_6@2026-11-22T00:00:00Z"
    assert decode(found[0].records[0].payload) == account.trackers[6]

    account.trackers[2]["updated_at"] = "2026-11-23T10:00:30Z"
    account.trackers[3]["updated_at"] = "2026-11-23T09:50:00Z"
    run(clock.sleep(60))
    again = pages(connector, found[-1].cursor)
    assert keys(again) == ["trk_3", "trk_2"], "what changed just before the last poll may have been missed"


def test_a_poll_goes_on_where_the_last_page_was_stored(
    account: Account, address: str, connect: Connect
) -> None:
    account.trackers = [tracker(number) for number in range(7)]
    connector = connect(base_url=address)
    seen, cursor = [], None
    for _ in range(3):
        (page,) = pages(connector, cursor, Limits(page_size=3, pages=1))
        seen += keys([page])
        cursor = page.cursor
    assert seen == [f"trk_{number}" for number in reversed(range(7))]
    assert set(cursor or {}) == {"since"}


def test_what_is_made_during_a_sweep_is_found_by_the_next(
    account: Account, address: str, connect: Connect, clock: ManualClock
) -> None:
    account.trackers = [tracker(number) for number in range(4)]
    connector = connect(base_url=address)
    (first,) = pages(connector, limits=Limits(page_size=2, pages=1))
    run(clock.sleep(600))
    account.trackers.append(tracker(9, "2026-11-23", "2026-11-23", updated_at="2026-11-23T10:05:00Z"))
    rest = pages(connector, first.cursor)
    assert "trk_9" not in keys(rest)
    assert rest[-1].watermark == datetime(2026, 11, 23, 10, tzinfo=UTC), (
        "not the instant at which it was resumed"
    )
    assert keys(pages(connector, rest[-1].cursor)) == ["trk_9"]


def test_old_trackers_are_left_alone(account: Account, address: str, connect: Connect) -> None:
    account.trackers = [tracker(1), *(tracker(number, "2026-08-01") for number in range(2, 9))]
    found = pages(connect(base_url=address), limits=Limits(page_size=2))
    assert keys(found) == ["trk_1"]
    assert len(account.requests) == 1


def test_an_account_without_trackers_gives_an_empty_page(address: str, connect: Connect) -> None:
    (page,) = pages(connect(base_url=address))
    assert (page.records, page.more) == ((), False)


@pytest.mark.parametrize(
    "cursor", [{}, {"since": "yesterday"}, {"since": "2026-11-23T10:00:00"}, {"before_id": "x"}]
)
def test_an_odd_cursor_is_refused_in_words(cursor: Cursor, connect: Connect) -> None:
    with pytest.raises(MisconfiguredError, match="no cursor of this connector"):
        pages(connect(), cursor)


def test_throttling_and_breakdowns_are_waited_for(account: Account, address: str, connect: Connect) -> None:
    account.trackers = [tracker(1)]
    account.before = [error(429, "RATE_LIMITED", "slow down"), error(502, "BAD", "x")]
    assert keys(pages(connect(base_url=address))) == ["trk_1"]


def test_lists_are_read_at_most_five_times_a_second(
    account: Account, address: str, connect: Connect, clock: ManualClock
) -> None:
    account.trackers = [tracker(number) for number in range(20)]
    started = clock.now()
    pages(connect(base_url=address), limits=Limits(page_size=1))
    assert (clock.now() - started).total_seconds() >= 2.9


# --- events -------------------------------------------------------------------------------------------------


def test_each_scan_is_an_event_and_keeps_its_id() -> None:
    early = canonical("easypost/tracker", tracker(1))
    late = canonical(
        "easypost/tracker",
        tracker(1, status="delivered", signed_by="A. Neighbour", est_delivery_date="2026-11-23T00:00:00Z",
                tracking_details=[*tracker(1)["tracking_details"], scan("delivered", "22T15", "Delivered")]),
    )  # fmt: skip
    assert [event.external_id for event in late[:2]] == [event.external_id for event in early]
    assert [event.status for event in late] == ["pre_transit", "in_transit", "delivered"]
    assert [event.signed_by for event in late] == [None, None, "A. Neighbour"]
    assert late[2].occurred_at == datetime(2026, 11, 22, 15, tzinfo=UTC)
    assert late[2].estimated_delivery == datetime(2026, 11, 23, tzinfo=UTC)
    assert (late[2].city, late[2].region, late[2].country, late[2].postal_code) == (
        "RENO",
        "NV",
        "US",
        "01234",
    )
    assert {(one.kind, one.value) for one in late[2].references} == {
        ("tracker", "trk_1"),
        ("shipment", "shp_1"),
    }


@pytest.mark.parametrize(
    ("said", "means"),
    [("failure", "exception"), ("error", "exception"), ("available_for_pickup", "available_for_pick_up"),
     ("return_to_sender", "return_to_sender"), ("cancelled", "cancelled"), ("teleported", "unknown")],
)  # fmt: skip
def test_a_tracker_without_scans_gives_its_bare_status(said: str, means: str) -> None:
    (event,) = canonical("easypost/tracker", tracker(1, status=said, tracking_details=[]))
    assert (event.status, event.occurred_at) == (means, datetime(2026, 11, 22, tzinfo=UTC))
    assert (
        canonical("easypost/tracker", tracker(1, tracking_details=[scan(said, "21T09")]))[0].status == means
    )


def test_a_tracker_of_which_nothing_is_known_says_nothing() -> None:
    assert canonical("easypost/tracker", tracker(1, status="unknown", tracking_details=[])) == []


def test_two_scans_of_one_minute_are_two_events() -> None:
    details = [scan("in_transit", "21T09", "On the way"), scan("in_transit", "21T09", "Arrived")]
    first, second = canonical("easypost/tracker", tracker(1, tracking_details=details))
    assert first.external_id != second.external_id


# --- webhooks -----------------------------------------------------------------------------------------------


def event(description: str = "tracker.updated", **changes: Any) -> bytes:
    facts = {"description": description, "id": "evt_1", "object": "Event", "mode": "test", "status": "pending",
             "created_at": "2026-11-22T00:00:01.000Z", "result": tracker(1)}  # fmt: skip
    return json.dumps(facts | changes).encode()


def hook(body: bytes, secret: str | None = "sécret", given: str | None = None) -> RawRequest:
    signed = given if secret is None else signature(secret, body)
    headers = {"content-type": "application/json", **({} if signed is None else {"x-hmac-signature": signed})}
    return RawRequest("POST", "/hooks/carrier", "", headers, body, datetime(2026, 11, 23, tzinfo=UTC))


def status(answer: Verified | Refused) -> int:
    return answer.status if isinstance(answer, Refused) else 200


def test_the_signature_is_the_documented_one() -> None:
    """Computed with ``openssl dgst -sha256 -mac hmac -macopt hexkey:7365cc8163726574``; e and accent apart is NFKD."""
    assert signature("sécret", b'{"description":"tracker.updated"}') == (
        "hmac-sha256-hex=562be7a716cb4c03373fe99c34ee0da0f3fd9184950e5f060f6309cd8398fd19"
    )
    composed, apart = "s\u00e9cret", unicodedata.normalize("NFKD", "sécret")
    assert composed != apart
    assert signature(composed, b"x") == signature(apart, b"x")


def test_a_signed_event_is_verified_and_kept_as_it_came(connect: Connect) -> None:
    connector = connect(webhook_secret="sécret")
    request = hook(event())
    assert connector.verify(request) == Verified("tracker.updated")
    (record,) = connector.split(request)
    assert record.payload == request.body
    assert (record.stream, record.key, record.dedupe) == ("tracker_hook", "trk_1", "evt_1")
    assert record.occurred_at == datetime(2026, 11, 22, 0, 0, 1, tzinfo=UTC)
    assert len(canonical("easypost/tracker_event", decode(record.payload))) == 2


def test_any_other_byte_is_refused(connect: Connect) -> None:
    connector, good = connect(webhook_secret="sécret"), hook(event())
    for body in (good.body[:-1] + b" }", json.dumps(json.loads(good.body), indent=1).encode()):
        changed = RawRequest("POST", "", "", good.headers, body, good.received_at)
        assert status(connector.verify(changed)) == 401


@pytest.mark.parametrize(
    "given", [None, "", "hmac-sha256-hex=", "hmac-sha256-hex=" + "0" * 64, "ä", "0" * 64]
)
def test_a_missing_or_odd_signature_is_refused(given: str | None, connect: Connect) -> None:
    answer = connect(webhook_secret="sécret").verify(hook(event(), None, given))
    assert isinstance(answer, Refused)
    assert answer.status == 401
    assert "sécret" not in answer.reason


def test_while_rotating_both_secrets_are_good(connect: Connect) -> None:
    rotating = connect(webhook_secret="new", previous_webhook_secret="sécret")
    assert [status(rotating.verify(hook(event(), secret))) for secret in ("sécret", "new", "other")] == [
        200,
        200,
        401,
    ]
    assert status(connect(webhook_secret="new").verify(hook(event()))) == 401
    assert status(connect().verify(hook(event(), ""))) == 401


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        (event(mode="production"), 403, "mode 'production', this connection is test"),
        (b"[1]", 400, "no event of EasyPost's"),
        (b'{"description": ', 400, "no event of EasyPost's"),
    ],
)
def test_what_is_not_ours_is_refused_in_words(body: bytes, code: int, says: str, connect: Connect) -> None:
    answer = connect(webhook_secret="sécret").verify(hook(body))
    assert isinstance(answer, Refused)
    assert answer.status == code
    assert says in answer.reason


def test_events_that_can_not_be_unsubscribed_are_taken_and_left(connect: Connect) -> None:
    connector = connect(webhook_secret="sécret")
    request = hook(event("batch.created", result={"id": "batch_1"}))
    assert connector.verify(request) == Verified("batch.created")
    assert connector.split(request) == []


def test_the_webhook_is_made_once_and_woken_where_it_was_disabled(
    account: Account, address: str, connect: Connect
) -> None:
    connector = connect(base_url=address, webhook_secret="sécret")
    account.webhooks["hook_0"] = {
        "id": "hook_0",
        "url": "https://other.example",
        "disabled_at": "2026-01-01T00:00:00Z",
    }
    assert run(connector.ensure_subscriptions(URL)).created == ("tracker.created", "tracker.updated")
    account.webhooks["hook_2"]["disabled_at"] = "2026-11-01T00:00:00Z"
    assert run(connector.ensure_subscriptions(URL)).kept == ("tracker.created", "tracker.updated")
    assert [one["disabled_at"] for one in account.webhooks.values()] == ["2026-01-01T00:00:00Z", None]
    sent = [(method, body) for method, _, body in account.requests if method != "GET"]
    assert sent == [
        ("POST", {"webhook": {"url": URL, "webhook_secret": "sécret"}}),
        ("PATCH", {"webhook_secret": "sécret"}),
    ]


def test_without_a_secret_nothing_is_subscribed(connect: Connect) -> None:
    with pytest.raises(MisconfiguredError, match="set `webhook_secret`"):
        run(connect().ensure_subscriptions(URL))
