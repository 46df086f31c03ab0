"""Commands against an account that remembers: what is bought, what never is bought twice, what is told."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from crossdock.sdk.clock import ManualClock
from crossdock.sdk.connector import Verdict
from crossdock.sdk.outcomes import (
    AlreadyApplied,
    Applied,
    NotApplied,
    Rejected,
    Throttled,
    Unauthorised,
    Unknown,
    Unreachable,
)
from crossdock_connectors.easypost.labels import reference_of
from crossdock_schemas.base import Money
from crossdock_schemas.fulfilment import Label
from tests.connectors.easypost.account import Account, error
from tests.connectors.easypost.builders import canonical, decode, execute, label_of, probe, request, run
from tests.connectors.easypost.conftest import Connect

GROUND: dict[str, Any] = {"services": {"ground": [{"carrier": "USPS", "service": "groundadvantage"}]}}


def refund_of(shipment: str) -> Label:
    return Label(external_id=shipment, tracking_number="1", carrier="USPS")


def test_the_cheapest_rate_is_bought_where_nothing_is_asked(
    account: Account, address: str, connect: Connect
) -> None:
    outcome = execute(connect(base_url=address), "label.buy", request())
    assert isinstance(outcome, Applied)
    label = label_of(outcome)
    assert (label.external_id, label.carrier, label.service) == ("shp_1", "USPS", "GroundAdvantage")
    assert label.cost == Money(amount=Decimal("6.07"), currency="USD")
    assert label.tracking_number.startswith("94")
    assert label.url == "https://labels.example/shp_1.pdf"
    (created,) = account.posts("/shipments")
    assert created["shipment"]["reference"] == "S-1_2f_1"
    assert created["shipment"]["options"] == {"label_format": "PDF"}
    assert account.charges == ["shp_1"]


@pytest.mark.parametrize(
    ("config", "asked", "bought"),
    [
        (GROUND, {"service": "ground", "carrier": "ups"}, "GroundAdvantage"),
        ({}, {"service": "priority"}, "Priority"),
        ({}, {"service": "Express", "carrier": "usps"}, "Express"),
        ({"allowed": [{"carrier": "USPS", "service": "Priority"}, {"carrier": "UPS"}]}, {}, "Priority"),
        ({"services": {"fast": [{"carrier": "FedEx"}, {"carrier": "USPS", "service": "Express"}]}},
         {"service": "fast"}, "Express"),
        ({"allowed": [{"carrier": "UPS"}]}, {"carrier": "USPS"}, "GroundAdvantage"),
    ],
)  # fmt: skip
def test_what_is_asked_is_bought(
    config: dict[str, Any], asked: dict[str, Any], bought: str, address: str, connect: Connect
) -> None:
    assert (
        label_of(execute(connect(base_url=address, **config), "label.buy", request(**asked))).service
        == bought
    )


@pytest.mark.parametrize(
    ("config", "asked", "says"),
    [
        (GROUND, {"service": "ground_plus"}, "no rate for ground_plus; offered are: USPS Express"),
        (
            {},
            {"service": "ground"},
            r"config.services does not say what is good for 'ground': list it, such as "
            r"services: \{ground: \[\{carrier: USPS, service: Express\}\]\}",
        ),
        (
            {"services": {"fast": [{"carrier": "FedEx"}]}},
            {"service": "fast"},
            "list more of what is offered in config.serv",
        ),
        ({}, {"carrier": "UPS", "service": "Priority"}, "no rate for UPS Priority"),
        ({"allowed": [{"carrier": "UPS"}]}, {}, r"no rate for UPS \(any service\)"),
        ({"allowed": [{"carrier": "UPS"}]}, {"service": "Priority"}, "no rate for UPS Priority"),
    ],
)
def test_nothing_else_is_bought_instead(
    config: dict[str, Any], asked: dict[str, Any], says: str, account: Account, address: str, connect: Connect
) -> None:
    outcome = execute(connect(base_url=address, **config), "label.buy", request(**asked))
    assert isinstance(outcome, Rejected)
    assert re.search(says, outcome.message), outcome.message
    assert outcome.code == "easypost.no_rate"
    assert account.charges == []


def test_carriers_say_why_they_offer_nothing(account: Account, address: str, connect: Connect) -> None:
    account.rates = ()
    account.messages = [{"carrier": "USPS", "type": "rate_error", "message": "Invalid zip code."}]
    for name in ("label.buy", "rate.shop"):
        outcome = execute(connect(base_url=address), name, request())
        assert isinstance(outcome, Rejected)
        assert "offered are: none; the carriers say: USPS: Invalid zip code." in outcome.message


def test_the_same_label_is_bought_once(account: Account, address: str, connect: Connect) -> None:
    connector = connect(base_url=address)
    first = execute(connector, "label.buy", request())
    second = execute(connector, "label.buy", request())
    assert isinstance(second, AlreadyApplied)
    assert label_of(second) == label_of(first)
    assert label_of(execute(connector, "label.buy", request("S-1/2"))).external_id == "shp_2"
    assert account.charges == ["shp_1", "shp_2"]


def test_a_lost_answer_of_the_purchase_is_found_by_probing(
    account: Account, address: str, connect: Connect
) -> None:
    connector = connect(base_url=address)
    account.lost = "/buy"
    assert isinstance(execute(connector, "label.buy", request()), Unknown)
    found = probe(connector, "label.buy", request())
    assert isinstance(found, AlreadyApplied)
    assert label_of(found).tracking_number == account.shipments["shp_1"]["tracking_code"]
    assert account.charges == ["shp_1"]


def test_a_purchase_that_takes_too_long_is_unknown_and_then_found(
    account: Account, address: str, connect: Connect
) -> None:
    connector = connect(attempt_seconds=0.3, base_url=address)
    account.stalled = "/buy"
    assert isinstance(execute(connector, "label.buy", request()), Unknown)
    account.released.set()
    assert isinstance(probe(connector, "label.buy", request()), AlreadyApplied)
    assert isinstance(execute(connector, "label.buy", request()), AlreadyApplied)
    assert account.charges == ["shp_1"]


def test_a_lost_creation_is_gone_on_with_at_fresh_rates(
    account: Account, address: str, connect: Connect
) -> None:
    connector = connect(base_url=address)
    account.lost = "/shipments"
    assert isinstance(execute(connector, "label.buy", request()), Unknown)
    assert probe(connector, "label.buy", request()) == NotApplied()
    assert isinstance(execute(connector, "label.buy", request()), Applied)
    assert list(account.shipments) == ["shp_1"]
    assert account.posts("/buy") == [{"rate": {"id": "rate_shp_1_2_again"}}]


def test_a_creation_that_came_through_late_does_not_lead_to_a_second_label(
    account: Account, address: str, connect: Connect
) -> None:
    connector = connect(base_url=address)
    execute(connector, "label.buy", request())
    for number in range(2, 152):
        account._buy(account.create(reference=f"S-{number}"), {"rate": {"id": f"rate_shp_{number}_0"}})
    account.create(reference="S-1_2f_1")
    assert label_of(probe(connector, "label.buy", request())).external_id == "shp_1"
    assert isinstance(execute(connector, "label.buy", request()), AlreadyApplied)
    assert account.charges.count("shp_1") == 1
    assert len(account.charges) == 151


def test_looking_for_a_bought_label_ends_a_day_before(
    account: Account, address: str, connect: Connect
) -> None:
    connector = connect(base_url=address)
    account.now = "2026-11-20T10:00:00Z"
    for number in range(300):
        account._buy(account.create(reference=f"old-{number}"), {"rate": {"id": f"rate_shp_{number + 1}_0"}})
    account.now = "2026-11-23T10:00:00Z"
    account.create(reference="S-1_2f_1")
    assert probe(connector, "label.buy", request()) == NotApplied()
    assert sum(path == "/v2/shipments" for _, path, _ in account.requests) == 1


def test_bought_in_between_is_no_fault(
    account: Account, address: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.create(reference="S-1_2f_1")
    rerate = account._rerate

    def bought_meanwhile(shipment: dict[str, Any], _: Any) -> Any:
        answer = rerate(shipment, None)
        account._buy(shipment, {"rate": {"id": "rate_shp_1_2_again"}})
        return answer

    monkeypatch.setattr(account, "_rerate", bought_meanwhile)
    outcome = execute(connect(base_url=address), "label.buy", request())
    assert isinstance(outcome, AlreadyApplied)
    assert label_of(outcome).external_id == "shp_1"
    assert account.charges == ["shp_1"]


def test_references_differ_where_ids_differ() -> None:
    names = ["S-1/1", "S-1_2f_1", "S-1.1", "S-1 1", "S-1~1", "S/1-1", "Ä/1"]
    references = [reference_of(name) for name in names]
    assert len(set(references)) == len(names)
    assert all(reference.replace("_", "").replace("-", "").isalnum() for reference in references)
    assert all(reference.isascii() for reference in references)


@pytest.mark.parametrize(
    ("reply", "kind", "says"),
    [
        (error(422, "SHIPMENT.INVALID_PARAMS", "Unable to create shipment.",
               {"field": "to_address", "message": "cannot be blank", "suggestion": "give a street"}), Rejected,
         "to_address: cannot be blank (suggested: give a street)"),
        (error(422, "PARAMETER.REQUIRED", "Missing required parameter."), Rejected, "Missing required parameter."),
        (error(401, "APIKEY.INACTIVE", "no longer active"), Unauthorised, "refused the credentials (401)"),
        (error(402, "PAYMENT_REQUIRED", "Insufficient funds."), Unauthorised, "add funds to the EasyPost account"),
        (error(403, "FORBIDDEN", "no"), Unauthorised, "lack a permission"),
        (error(422, "SHIPMENT.POSTAGE.TIMED_OUT", "The carrier timed out."), Unknown, "may or may not"),
        (error(500, "INTERNAL", "oops"), Unknown, "broken (500)"),
    ],
)  # fmt: skip
def test_what_easypost_answers_is_told(
    reply: Any, kind: type, says: str, account: Account, address: str, connect: Connect
) -> None:
    account.before = [(200, account.create(reference="S-1_2f_1"), {}), (200, {"shipments": [], "has_more": False}, {}),
                      (200, {"rates": account.shipments["shp_1"]["rates"]}, {}), reply]  # fmt: skip
    outcome = execute(connect(base_url=address), "label.buy", request())
    assert isinstance(outcome, kind), outcome
    said = str(getattr(outcome, "message", "") or getattr(outcome, "why", ""))
    assert says in said
    assert "EZTKgood" not in said
    assert account.charges == []


def test_a_field_of_a_refusal_is_named(account: Account, address: str, connect: Connect) -> None:
    account.before = [
        error(422, "PARAMETER.REQUIRED", "Missing.", {"field": "parcel.weight", "message": "is wrong"})
    ]
    outcome = execute(connect(base_url=address), "rate.shop", request())
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.path) == ("easypost.parameter.required", "parcel.weight")


def test_throttling_is_waited_for_and_then_told(
    account: Account, address: str, connect: Connect, clock: ManualClock
) -> None:
    account.before = [error(429, "RATE_LIMITED", "Slow down.", Retry_After="2")]
    started = clock.now()
    assert isinstance(execute(connect(base_url=address), "label.buy", request()), Applied)
    assert (clock.now() - started).total_seconds() >= 2
    account.before = [error(429, "RATE_LIMITED", "Slow down.", Retry_After="3600")] * 9
    assert isinstance(execute(connect(base_url=address), "label.buy", request("S-9/1")), Throttled)
    assert account.charges == ["shp_1"]


def test_a_broken_partner_is_asked_again_where_that_is_harmless(
    account: Account, address: str, connect: Connect
) -> None:
    account.before = [error(503, "DOWN", "later"), error(500, "INTERNAL", "oops")]
    outcome = execute(connect(base_url=address), "rate.shop", request())
    assert isinstance(outcome, Applied)
    assert outcome.response is not None
    rates = canonical("easypost/rates", decode(outcome.response.body))
    assert [(rate.service, rate.cost.amount, rate.delivery_days) for rate in rates] == [
        ("Express", Decimal("34.15"), 1), ("Priority", Decimal("7.42"), 2), ("GroundAdvantage", Decimal("6.07"), 3),
    ]  # fmt: skip
    assert [body["shipment"].get("reference") for body in account.posts("/shipments")] == [None] * 3


def test_without_a_connection_nothing_was_bought(connect: Connect) -> None:
    assert isinstance(execute(connect(base_url="http://127.0.0.1:9"), "label.buy", request()), Unreachable)


# --- refunds ------------------------------------------------------------------------------------------------


def test_a_refund_is_asked_for_once(account: Account, address: str, connect: Connect) -> None:
    connector = connect(base_url=address)
    bought = label_of(execute(connector, "label.buy", request()))
    assert probe(connector, "label.refund", bought) == NotApplied()
    assert isinstance(execute(connector, "label.refund", bought), Applied)
    assert isinstance(execute(connector, "label.refund", bought), AlreadyApplied)
    assert isinstance(probe(connector, "label.refund", bought), AlreadyApplied)
    assert account.posts("/refund") == [{}]


@pytest.mark.parametrize("status", ["rejected", "not_applicable"])
def test_a_refused_refund_is_told(status: str, account: Account, address: str, connect: Connect) -> None:
    connector = connect(base_url=address)
    bought = label_of(execute(connector, "label.buy", request()))
    account.shipments["shp_1"]["refund_answer"] = status
    for outcome in (execute(connector, "label.refund", bought), probe(connector, "label.refund", bought)):
        assert isinstance(outcome, Rejected)
        assert outcome.code == f"easypost.refund.{status}"
        assert bought.tracking_number in outcome.message


def test_a_lost_answer_of_a_refund_is_found(account: Account, address: str, connect: Connect) -> None:
    connector = connect(base_url=address)
    bought = label_of(execute(connector, "label.buy", request()))
    account.lost = "/refund"
    assert isinstance(execute(connector, "label.refund", bought), Unknown)
    assert isinstance(probe(connector, "label.refund", bought), AlreadyApplied)


def test_a_refund_of_another_account_is_refused(address: str, connect: Connect) -> None:
    outcome = execute(connect(base_url=address), "label.refund", refund_of("shp_other"))
    assert isinstance(outcome, Rejected)
    assert "no shipment shp_other" in outcome.message


# --- check --------------------------------------------------------------------------------------------------


def verdicts(connector: Any) -> dict[str, Verdict]:
    return {check.capability: check.verdict for check in run(connector.check()).checks}


def test_check_reads_each_capability_and_writes_nothing(
    account: Account, address: str, connect: Connect
) -> None:
    connector = connect(base_url=address, webhook_secret="hush")
    assert set(verdicts(connector).values()) == {Verdict.OK}
    assert set(verdicts(connector)) == {"trackers", "tracker_hook", "rate.shop", "label.buy", "label.refund"}
    assert {method for method, _, _ in account.requests} == {"GET"}
    account.key = "EZTKother"
    assert set(verdicts(connector).values()) == {Verdict.UNAUTHORISED}
    assert set(verdicts(connect(base_url="http://127.0.0.1:9", webhook_secret="h")).values()) == {
        Verdict.UNREACHABLE
    }
    account.key = "EZTKgood"
    account.webhooks["h"] = {"id": "h", "url": "https://hub.example", "disabled_at": "2026-11-01T00:00:00Z"}
    assert verdicts(connector)["tracker_hook"] is Verdict.MISCONFIGURED
    assert verdicts(connect(base_url=address))["tracker_hook"] is Verdict.MISCONFIGURED


def test_a_test_key_is_not_taken_for_a_production_key(connect: Connect) -> None:
    with pytest.raises(ValueError, match="api_key is a test key: write mode: test"):
        connect(mode="production")
    with pytest.raises(ValueError, match="api_key is a production key"):
        connect(api_key="EZAKlive")
    connect(api_key="EZAKlive", mode="production")
