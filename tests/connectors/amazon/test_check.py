"""``check`` tells what would work, and in words what to do about the rest."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from crossdock.sdk.connector import CheckReport, Verdict
from crossdock.sdk.lint import lint
from crossdock_connectors.amazon import CONNECTOR
from crossdock_connectors.amazon.config import AmazonConfig
from tests.connectors.amazon.builders import library, run
from tests.connectors.amazon.conftest import CONFIG, Connect
from tests.connectors.amazon.seller import Seller, errors, order

ALL = ("orders", "shipment.confirm", "stock.publish")


def verdicts(report: CheckReport) -> dict[str, str]:
    return {one.capability: str(one.verdict) for one in report.checks if one.verdict is not Verdict.OK}


def test_the_manifest_lints_without_a_word() -> None:
    names = [entry.name for entry in library().entries()]
    assert lint(CONNECTOR.manifest, CONNECTOR.config, names) == []


def test_all_is_well_and_nothing_was_written(seller: Seller, connect: Connect) -> None:
    seller.add(order(1, "2026-11-23T09:00:00Z"))
    report = run(connect().check())
    assert report.ok
    assert tuple(one.capability for one in report.checks) == ALL
    assert [name for name, _ in seller.requests] == ["search_orders", "get_order", "search_listings"]


def test_a_seller_without_orders_is_well_too(seller: Seller, connect: Connect) -> None:
    assert run(connect().check()).ok
    assert {request.method for _, request in seller.requests} == {"GET"}


def test_a_missing_role_forbids_what_needs_it(seller: Seller, connect: Connect) -> None:
    seller.forbidden = {"search_listings"}
    report = run(connect().check())
    assert verdicts(report) == {"stock.publish": "forbidden"}
    assert "403" in report.checks[-1].message


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        (errors(400, "InvalidInput", "marketplaceIds"), "misconfigured"),
        (errors(404, "NotFound", "sellerId"), "misconfigured"),
        (errors(500, "InternalFailure", "oops"), "unreachable"),
        (httpx.ConnectError("refused"), "unreachable"),
    ],
)
def test_every_capability_gets_the_verdict(
    fault: Any, verdict: str, seller: Seller, connect: Connect
) -> None:
    seller.faults = [fault] * 40
    report = run(connect().check())
    assert verdicts(report) == dict.fromkeys(ALL, verdict)
    assert all(one.message and "hush" not in one.message for one in report.checks)


def test_a_revoked_grant_is_unauthorised(connect: Connect) -> None:
    assert verdicts(run(connect(refresh_token="Atzr|old").check())) == dict.fromkeys(ALL, "unauthorised")


@pytest.mark.parametrize(
    ("changes", "origin"),
    [
        ({}, "https://sellingpartnerapi-eu.amazon.com"),
        ({"region": "fe"}, "https://sellingpartnerapi-fe.amazon.com"),
        ({"region": "na", "sandbox": True}, "https://sandbox.sellingpartnerapi-na.amazon.com"),
        (
            {"base_url": "http://127.0.0.1:8081", "token_url": "http://127.0.0.1:8082/auth/o2/token"},
            "http://127.0.0.1:8081",
        ),
    ],
)
def test_region_and_sandbox_choose_the_host(
    changes: dict[str, Any], origin: str, seller: Seller, connect: Connect
) -> None:
    run(connect(**changes).check())
    assert {f"{request.url.scheme}://{request.url.netloc.decode()}" for _, request in seller.requests} == {
        origin
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"region": "us"},
        {"marketplace_ids": []},
        {"marketplace_ids": ["Amazon.de"]},
        {"orders_per_page": 101},
        {"base_url": "127.0.0.1:8081"},
        {"colour": "red"},
    ],
)
def test_a_wrong_configuration_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AmazonConfig.model_validate(CONFIG | changes)


def test_secrets_are_not_shown() -> None:
    shown = repr(AmazonConfig.model_validate(CONFIG))
    assert "hush" not in shown
    assert "Atzr" not in shown
