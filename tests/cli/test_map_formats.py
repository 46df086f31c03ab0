"""Mappings tried on files as partners send them, and on dead letters."""

from __future__ import annotations

import json
from operator import methodcaller
from pathlib import Path

import pytest

from crossdock.store.raw import raw_row
from crossdock.streams.edges.intake import RawPart, inline_message, raw_message
from crossdock.streams.processor import DeadLetter
from tests.cli.builders import Cli
from tests.processors.harness import Harness

FIXTURES = Path(__file__).parents[1] / "connectors/sftp_wms/fixtures"
FIXED = "records: [{columns: [{name: sku, width: 8}, {name: quantity, width: 5}]}]\n"
WMS = """
  warehouse:
    connector: sftp_wms
    config:
      files: {kind: folder, path: /tmp}
    streams:
      stock_csv: {dialect: {delimiter: ";"}, defaults: {node: DC-EAST}}
  erp_calls: {connector: soap_erp, config: {endpoint: "https://erp.example"}}
  store: {connector: shopify, config: {shop: acme, client_secret: x, access_token: y}}
"""
ORDER = """<?xml version="1.0" encoding="UTF-8"?>
<order xmlns="urn:crossdock:erp:1"><id>B2B-7</id><placedAt>2026-11-23T10:00:00Z</placedAt><currency>USD</currency>
<line><id>1</id><sku>01234</sku><quantity>2</quantity></line></order>"""


@pytest.fixture(autouse=True)
def _connected(folder: Path) -> None:
    text = (folder / "crossdock.yaml").read_text()
    (folder / "crossdock.yaml").write_text(text.replace("connections:", "connections:" + WMS.rstrip()))


def test_csv_in_the_dialect_of_a_stream(cli: Cli, folder: Path) -> None:
    (folder / "stock.csv").write_text("sku;quantity\n01234;5\n1e5;0\n")
    done = cli("map", "run", "stock.csv", "--stream", "warehouse/stock_csv", "--json")
    (feed,) = done.json["documents"]
    assert (feed["node"], [line["sku"] for line in feed["lines"]]) == ("DC-EAST", ["01234", "1e5"])


def test_fixed_width_by_a_dialect_file(cli: Cli, folder: Path) -> None:
    (folder / "stock.txt").write_text("01234   00005\n")
    (folder / "fixed.yaml").write_text(FIXED)
    options = ("--format", "fixed_width", "--dialect", "fixed.yaml", "--json")
    refused = cli("map", "run", "stock.txt", "sftp_wms/stock", *options)
    assert refused.code == 1
    assert [fault["target_path"] for fault in refused.json["faults"]] == ["node"], (
        "nobody has said whose stock"
    )
    (folder / "fixed.yaml").write_text(
        FIXED.replace("{name: quantity", "{name: node, width: 4}, {name: quantity")
    )
    (folder / "stock.txt").write_text("01234   EAST00005\n")
    (feed,) = cli("map", "run", "stock.txt", "sftp_wms/stock", *options).json["documents"]
    assert (feed["node"], feed["lines"][0]["quantity"]) == ("EAST", 5)


def test_x12_by_its_name(cli: Cli) -> None:
    done = cli("map", "run", str(FIXTURES / "945_cartons.x12"), "sftp_wms/shipment_945", "--json")
    (shipment,) = done.json["documents"]
    assert (done.code, len(shipment["parcels"])) == (0, 2)


def test_xml_by_its_name_and_by_a_stream(cli: Cli, folder: Path) -> None:
    (folder / "order.xml").write_text(ORDER)
    for arguments in (("soap_erp/order",), ("--stream", "erp_calls/orders_in")):
        (order,) = cli("map", "run", "order.xml", *arguments, "--json").json["documents"]
        assert order["external_id"] == "B2B-7"


def test_what_can_not_be_read_is_a_fault_with_its_place(cli: Cli, folder: Path) -> None:
    (folder / "945.x12").write_bytes(
        (FIXTURES / "945_cartons.x12").read_bytes().replace(b"SE*22*", b"SE*21*")
    )
    done = cli("map", "run", "945.x12", "sftp_wms/shipment_945", "--json")
    assert done.code == 1
    assert any("SE" in fault["source_path"] + fault["message"] for fault in done.json["faults"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--stream", "warehouse/nothing"), "connector sftp_wms has no stream 'nothing'"),
        (("--stream", "nowhere/x"), "has no connection 'nowhere'; it has:"),
        (("sftp_wms/stock", "--format", "excel"), "there is no format 'excel'; there are csv"),
        (("sftp_wms/stock", "--dialect", "crossdock.yaml"), "--dialect needs --format"),
        (
            ("sftp_wms/stock", "--stream", "warehouse/stock_csv", "--format", "csv"),
            "leave --format and --dialect out",
        ),
        ((), "name a mapping, or a --stream that has one"),
        (("sftp_wms/stock",), "there is no file none.csv"),
    ],
)
def test_mistakes_are_told(arguments: tuple[str, ...], says: str, cli: Cli) -> None:
    refused = cli("map", "run", "none.csv", *arguments)
    assert (refused.code, says in refused.err) == (2, True), refused.err


def test_a_changed_mapping_is_tried_on_dead_letters(cli: Cli, hub: Harness, folder: Path) -> None:
    """An order without a currency, of a shop that has but one."""
    order = json.loads(
        (Path(__file__).parents[1] / "connectors/shopify/fixtures/order_webhook.json").read_text()
    )
    del order["currency"]
    body = json.dumps(order).encode()
    row = raw_row("store", "orders_hook", "1", "d-1", body, received_at=hub.clock.now(), occurred_at=None,
                  media_type="application/json", headers={})  # fmt: skip
    original = inline_message(raw_message(row), RawPart(), body)
    for mapping in ("shopify/order_webhook@1", "shopify/refund@1"):
        letter = DeadLetter("normalise", "mapping.missing", "no currency", "$.currency", body, original=original,
                            connection="store", mapping=mapping)  # fmt: skip
        hub.transactions.transact_now(methodcaller("dead_letter", letter))
    mine = folder / "mine" / "shopify"
    packaged = Path(__file__).parents[2] / "mappings/crossdock_mappings/shopify"
    mine.mkdir(parents=True)
    for path in packaged.iterdir():
        (mine / path.name).write_bytes(path.read_bytes())
    text = (mine / "order_webhook.yaml").read_text()
    (mine / "order_webhook.yaml").write_text(text.replace("currency: currency", "currency: {const: EUR}"))
    compared = (
        "map",
        "diff",
        "shopify/order_webhook",
        "mine/shopify/order_webhook.yaml",
        "--on",
        "dead-letters",
    )
    done = cli(*compared, "--json")
    assert (done.code, done.json["documents"], done.json["changed"]) == (1, 1, 1)
    (changes,) = done.json["differences"].values()
    assert any("currency" in str(change["old"]) for change in changes)
    assert "dead letter 1" in cli(*compared).out
