from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, SecretStr

import crossdock.sdk
from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.lint import Severity, lint
from crossdock.sdk.manifest import Entity, Manifest, manifest_json_schema
from crossdock.sdk.manifest_file import load_manifest, parse_manifest

SCHEMA_FILE = Path(crossdock.sdk.__file__).with_name("manifest.schema.json")

SHOP = """\
id: shop
version: 1.0.0
sdk: ">=1,<2"
status: stable
hosts: ["${config.shop}.shop.example"]
auth: {kind: access_token}
budgets:
  - {match: "POST /admin/api/*/graphql.json", kind: cost, feedback: $.extensions.cost.throttleStatus}
streams:
  orders:
    role: poll
    key: id
    cursor: {field: updatedAt, order: ascending, inclusive: true, overlap: 5m}
    emits: order
    mapping: shop/order
  orders_hook:
    role: receive
    topics: [orders/create, orders/updated]
    dedupe: "header:X-Shop-Webhook-Id"
    reconciled_by: orders
    emits: order
    mapping: shop/order_webhook
commands:
  shipment.confirm: {mapping: shop/fulfilment, idempotency: probe}
  stock.publish: {mapping: shop/inventory, idempotency: native_key, coalesce: sku, batch: 250}
breaking: {"2.0.0": {message: Webhooks move., deadline: 2027-06-30}}
"""


class ShopConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")
    shop: str
    access_token: SecretStr


def rules(
    manifest: Manifest, config: type[BaseModel] | None = None, mappings: set[str] | None = None
) -> dict[str, str]:
    return {finding.rule: finding.path for finding in lint(manifest, config, mappings)}


def test_a_whole_manifest() -> None:
    manifest = parse_manifest(SHOP)
    orders = manifest.stream("orders")
    assert orders.emits is Entity.ORDER
    assert orders.cursor is not None
    assert orders.cursor.overlap.total_seconds() == 300
    assert manifest.command("stock.publish").batch == 250
    assert manifest.deprecated is None
    assert (
        lint(manifest, ShopConfig, {"shop/order", "shop/order_webhook", "shop/fulfilment", "shop/inventory"})
        == []
    )
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest


def test_a_deprecated_connector_says_until_when() -> None:
    text = SHOP.replace(
        "status: stable",
        "status: {deprecated: {since: 2026-10-01, remove_after: 2027-10-01, replaced_by: shop2}}",
    )
    deprecated = parse_manifest(text).deprecated
    assert deprecated is not None
    assert deprecated.replaced_by == "shop2"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    key: id\n", "    kee: id\n", "connector.yaml:12: streams.orders.kee: unknown key; remove it"),
        ("id: shop\n", "", "connector.yaml:1: id: is missing; add it"),
        ("overlap: 5m", "overlap: 5 minutes", "streams.orders.cursor.overlap: write a number and a unit"),
        ("role: poll", "role: pull", "connector.yaml:11: streams.orders.role: Input should be 'poll'"),
        ('">=1,<2"', "one", 'connector.yaml:3: sdk: write a range such as ">=1,<2"'),
        ("version: 1.0.0", "version: 1.0", "connector.yaml:2: version:"),
        ("kind: cost", "kind: price", "connector.yaml:8: budgets.0"),
        ("idempotency: probe", "idempotency: maybe", "commands.shipment.confirm.idempotency"),
        ("    key: id\n", "    key: id\n    key: id\n",
         "connector.yaml:13: key: is there twice; keep one"),
        ("status: stable", "status: [", "connector.yaml:6: "),
        (SHOP, "- a list\n", "a manifest is a mapping that starts with `id:`"),
        (SHOP, "", "a manifest is a mapping that starts with `id:`"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_file_line_and_remedy(old: str, new: str, message: str) -> None:
    assert old in SHOP
    with pytest.raises(MisconfiguredError) as caught:
        parse_manifest(SHOP.replace(old, new, 1))
    assert message in caught.value.message


def test_all_mistakes_at_once() -> None:
    with pytest.raises(MisconfiguredError) as caught:
        parse_manifest(SHOP.replace("role: poll", "role: pull").replace("batch: 250", "batch: 0"))
    assert len(caught.value.message.splitlines()) == 2


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(MisconfiguredError, match=r"connector\.yaml: can't be read"):
        load_manifest(tmp_path / "connector.yaml")


def test_an_unknown_stream_names_those_there_are() -> None:
    with pytest.raises(MisconfiguredError, match="it has: orders, orders_hook"):
        parse_manifest(SHOP).stream("order")


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("    reconciled_by: orders\n", "", "webhook-unreconciled"),
        ("reconciled_by: orders", "reconciled_by: orders_hook", "webhook-unreconciled"),
        ("reconciled_by: orders", "reconciled_by: refunds", "webhook-unreconciled"),
        ("${config.shop}.shop.example", "*", "hosts-wildcard"),
        ("${config.shop}.shop.example", "*.com", "hosts-wildcard"),
        ("${config.shop}.shop.example", "http://shop.example", "hosts-plain"),
        ("${config.shop}", "${config.store}", "hosts-reference"),
        ('["${config.shop}.shop.example"]', "[]", "hosts-missing"),
        (">=1,<2", ">=2", "sdk-range"),
        ("idempotency: probe", "idempotency: none", "idempotency-none"),
        ("idempotency: probe", "idempotency: probe, result: shop/answer", "result-emits"),
        ("    dedupe: \"header:X-Shop-Webhook-Id\"\n", "", "dedupe-missing"),
        ("    cursor: {field: updatedAt, order: ascending, inclusive: true, overlap: 5m}\n",
         "", "cursor-missing"),
        ("order: ascending, inclusive: true, overlap: 5m", "order: none", "cursor-order"),
        ("role: poll", "role: drop", "format-missing"),
        ("role: poll", "role: drop", "poll-only"),
        ("    role: poll\n", "    role: poll\n    topics: [x]\n", "receive-only"),
        ("    mapping: shop/order\n", "", "mapping-missing"),
        ("shop/fulfilment", "shop/fulfillment", "mapping-unknown"),
        ("    role: poll\n", "    role: poll\n    wakes: orders\n", "receive-only"),
        ("reconciled_by: orders", "reconciled_by: orders\n    wakes: refunds", "wakes-reconciler"),
    ],
)  # fmt: skip
def test_lint_finds(old: str, new: str, rule: str) -> None:
    assert old in SHOP
    mappings = {"shop/order", "shop/order_webhook", "shop/fulfilment", "shop/inventory", "shop/answer"}
    assert rule in rules(parse_manifest(SHOP.replace(old, new)), ShopConfig, mappings)


def test_an_acknowledgement_needs_no_mapping() -> None:
    text = SHOP.replace("emits: order\n    mapping: shop/order\n", "emits: acknowledgement\n", 1)
    assert "mapping-missing" not in rules(parse_manifest(text))


def test_a_bell_needs_no_mapping() -> None:
    bell = "reconciled_by: orders\n    wakes: orders\n    emits: order\n"
    text = SHOP.replace("reconciled_by: orders\n    emits: order\n    mapping: shop/order_webhook\n", bell)
    assert text != SHOP
    assert "mapping-missing" not in rules(parse_manifest(text))


def test_an_open_secret_is_found_however_deep() -> None:
    class Login(BaseModel):
        user: str
        password: str

    class Config(BaseModel):
        shop: str
        webhook_secrets: list[str]
        login: Login | None = None
        token_url: str
        client_id: str

    found = {f.path: f.severity for f in lint(parse_manifest(SHOP), Config) if f.rule == "secret-open"}
    assert found == {"config.webhook_secrets": Severity.ERROR, "config.login.password": Severity.ERROR}
    assert "config-extra" in rules(parse_manifest(SHOP), Config)


def test_the_committed_schema_is_the_models() -> None:
    """Write it anew with: python -m crossdock.sdk.manifest."""
    assert json.loads(SCHEMA_FILE.read_text()) == manifest_json_schema()


def test_the_schema_judges_like_the_models() -> None:
    import yaml

    validator = Draft202012Validator(manifest_json_schema())
    good = yaml.load(SHOP, yaml.BaseLoader)
    good["streams"]["orders"]["cursor"]["inclusive"] = True
    good["commands"]["stock.publish"]["batch"] = 250
    assert list(validator.iter_errors(good)) == []
    good["streams"]["orders"]["kee"] = "id"
    assert [error.validator for error in validator.iter_errors(good)] == ["additionalProperties"]
