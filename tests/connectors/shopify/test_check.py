"""``check`` tells what would work, and in words what to do about the rest."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from crossdock.sdk.connector import CheckReport, Verdict
from crossdock.sdk.lint import lint
from crossdock_connectors.shopify import CONNECTOR
from crossdock_connectors.shopify.checks import SCOPES
from crossdock_connectors.shopify.config import ShopifyConfig
from tests.connectors.shopify.builders import library, run
from tests.connectors.shopify.conftest import CONFIG, Connect
from tests.connectors.shopify.shop import Shop


def verdicts(report: CheckReport) -> dict[str, str]:
    return {one.capability: str(one.verdict) for one in report.checks if one.verdict is not Verdict.OK}


def test_the_manifest_lints_without_a_word() -> None:
    names = [entry.name for entry in library().entries()]
    assert lint(CONNECTOR.manifest, CONNECTOR.config, names) == []


def test_the_scopes_are_those_of_the_manifest() -> None:
    assert SCOPES.keys() == {*CONNECTOR.manifest.streams, *CONNECTOR.manifest.commands}


def test_all_is_well_and_nothing_was_written(shop: Shop, connect: Connect) -> None:
    report = run(connect(shop, locations={"dc-east": "gid://shopify/Location/1"}).check())
    assert report.ok
    assert [operation for operation, _ in shop.requests] == ["Check", "Locations"]


def test_a_missing_scope_forbids_what_needs_it(shop: Shop, connect: Connect) -> None:
    shop.scopes.remove("write_inventory")
    report = run(connect(shop).check())
    assert verdicts(report) == dict.fromkeys(
        ["orders", "fulfilment_orders", "products", "shipment.confirm", "pick_up.ready", "stock.publish"],
        "forbidden",
    )
    (stock,) = [one for one in report.checks if one.capability == "stock.publish"]
    assert stock.message.startswith("the app lacks read_inventory, write_inventory: add it")


def test_locations_that_are_not_there_are_named_beside_those_that_are(shop: Shop, connect: Connect) -> None:
    shop.locations.append({"id": "gid://shopify/Location/2", "name": "Old", "isActive": False,
                           "fulfillsOnlineOrders": False})  # fmt: skip
    configured = {"dc-east": "gid://shopify/Location/2", "dc-west": "gid://shopify/Location/3"}
    report = run(connect(shop, locations=configured).check())
    assert verdicts(report) == {"locations": "misconfigured"}
    assert report.checks[-1].message == (
        "`locations.dc-east` is Old, which is deactivated; `locations.dc-west` is gid://shopify/Location/3, which "
        "the shop does not have. Active are: Hamburg (gid://shopify/Location/1)"
    )


@pytest.mark.parametrize(
    ("fault", "token", "verdict"),
    [
        (None, "shpat_old", "unauthorised"),
        (httpx.ConnectError("refused"), "shpat_good", "unreachable"),
        (httpx.Response(402, json={"errors": "Payment Required"}), "shpat_good", "unauthorised"),
        (httpx.Response(200, json={"errors": [{"message": "x", "extensions": {"code": "ACCESS_DENIED"}}]}),
         "shpat_good", "forbidden"),
        (httpx.Response(404, json={"errors": "Not Found"}), "shpat_good", "misconfigured"),
    ],
)  # fmt: skip
def test_every_capability_gets_the_verdict(
    fault: Any, token: str, verdict: str, shop: Shop, connect: Connect
) -> None:
    shop.faults = [fault] * 20
    report = run(connect(shop, access_token=token).check())
    assert verdicts(report) == dict.fromkeys(SCOPES, verdict)
    assert all(one.message and "shpat" not in one.message for one in report.checks)


def test_the_wrong_shop_is_told(shop: Shop, connect: Connect) -> None:
    shop.domain = "acme-test.myshopify.com"
    assert verdicts(run(connect(shop).check())) == {"shop": "misconfigured"}


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": None},
        {"client_id": "app"},
        {"shop": "acme-outdoor.myshopify.com"},
        {"api_version": "2024-01"},
        {"default_location": "17"},
        {"colour": "red"},
    ],
)
def test_a_wrong_configuration_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ShopifyConfig.model_validate(CONFIG | changes)


def test_secrets_are_not_shown() -> None:
    assert "hush" not in repr(ShopifyConfig.model_validate(CONFIG))
