"""A partner's answers, recorded and played back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import httpx
import pytest
import structlog

from crossdock.sdk.assembly import assemble
from crossdock.sdk.budgets import MemoryBudgetStore
from crossdock.sdk.cassettes import Replay, read_cassette
from crossdock.sdk.clock import SystemClock
from crossdock.sdk.connector import Limits, RawRecord
from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.tokens import MemoryTokenStore
from crossdock_connectors.easypost import CONNECTOR
from crossdock_connectors.easypost.config import EasyPostConfig
from crossdock_connectors.easypost.connector import EasyPost
from tests.cli.builders import Cli
from tests.connectors.easypost.account import Account, served
from tests.connectors.easypost.test_tracking import tracker

KEY = "EZTKgood"


@pytest.fixture(autouse=True)
def address(folder: Path, hub: object) -> Iterator[str]:
    account = Account()
    now = SystemClock().now().isoformat()
    account.trackers = [tracker(number, created_at=now, updated_at=now) for number in range(3)]
    with served(account) as address:
        text = (folder / "crossdock.yaml").read_text()
        post = f"  post: {{connector: easypost, config: {{api_key: {KEY}, mode: test, base_url: '{address}'}}}}\n"
        drop = f"  wms2: {{connector: sftp_wms, config: {{files: {{kind: folder, path: {folder}, settle_seconds: 0}}, "
        drop += "inbound: {stock_csv: {folder: stock}}}}\n"
        (folder / "crossdock.yaml").write_text(text.replace("connections:\n", "connections:\n" + post + drop))
        yield address
    structlog.reset_defaults()


def test_a_poll_is_recorded_without_secrets_and_played_back(cli: Cli, folder: Path, address: str) -> None:
    done = cli(
        "record", "post", "trackers", "--pages", "2", "--page-size", "2", "--samples", "samples", "--json"
    )
    assert (done.code, done.json["records"], done.json["interactions"]) == (0, 3, 2)
    text = (folder / "post.cassette.yaml").read_text()
    assert KEY not in text
    assert "Basic" not in text
    assert sorted(path.name for path in (folder / "samples").iterdir()) == [
        "trk_0.json",
        "trk_1.json",
        "trk_2.json",
    ]
    mapped = cli("map", "run", "samples/trk_0.json", "easypost/tracker", "--json")
    assert (mapped.code, mapped.json["faults"]) == (0, [])
    replay = Replay(read_cassette(folder / "post.cassette.yaml"))
    assert {record.key for record in asyncio.run(polled(replay, address))} == {"trk_0", "trk_1", "trk_2"}
    assert replay.unused == []
    with pytest.raises(AssertionError, match="is not in the recording; left are:\n  nothing"):
        asyncio.run(polled(replay, address))


async def polled(transport: httpx.AsyncBaseTransport, address: str) -> list[RawRecord]:
    config = EasyPostConfig.model_validate({"api_key": "another", "mode": "test", "base_url": address})
    assembly = assemble(
        CONNECTOR.manifest, config, connection="post", clock=SystemClock(), random=Random(1),
        tokens=MemoryTokenStore(SystemClock()), budgets=MemoryBudgetStore(), log=structlog.get_logger(),
        transport=transport,
    )  # fmt: skip
    connector = EasyPost(config, assembly.services)
    return [record async for page in connector.poll("trackers", None, Limits(2)) for record in page.records]


def test_without_a_stream_the_check_is_recorded(cli: Cli, folder: Path) -> None:
    assert "interactions in post.cassette.yaml, 0 records" in cli("record", "post").out
    asked = {httpx.URL(each.url).path for each in read_cassette(folder / "post.cassette.yaml")}
    assert {"/v2/trackers", "/v2/shipments"} <= asked
    refused = cli("record", "post")
    assert (refused.code, "is there already" in refused.err) == (2, True)


def test_dropped_files_become_samples(cli: Cli, folder: Path) -> None:
    (folder / "stock").mkdir()
    (folder / "stock/s.csv").write_text("sku,quantity\nA,1\n")
    done = cli("record", "wms2", "stock_csv", "--samples", "samples", "--json")
    assert (done.code, done.json["cassette"], done.json["samples"]) == (0, None, ["samples/s.csv"])
    assert (folder / "stock/s.csv").exists(), "what is recorded is left for the hub"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere",), "there is no connection 'nowhere'; there are:"),
        (("post", "parcels"), "connector easypost has no stream 'parcels'"),
        (("post", "tracker_hook"), "is called by the partner"),
        (("post", "trackers", "--cursor", "{"), "--cursor is no JSON"),
        (("post", "trackers", "--cursor", '{"since": "never"}'), "is no cursor of this connector"),
        (("shop",), "there is no connector 'shop'"),
    ],
)
def test_mistakes_are_told(arguments: tuple[str, ...], says: str, cli: Cli) -> None:
    refused = cli("record", *arguments)
    assert (refused.code, says in refused.err) == (2, True), refused.err


def test_what_is_no_cassette_is_told(tmp_path: Path) -> None:
    for content in ("[]", "interactions: [{method: GET}]", "{", json.dumps({"x": 1})):
        (tmp_path / "c.yaml").write_text(content)
        with pytest.raises(MisconfiguredError, match="is no cassette"):
            read_cassette(tmp_path / "c.yaml")
