"""Files: stored, inspected, cut, normalised; what is broken is told by file and line."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from crossdock.sdk.manifest import Role
from crossdock.store.engine import Database
from crossdock.store.worklist import list_items
from crossdock.streams.edges.dropping import drop_service
from crossdock.streams.edges.health import Activity, State
from crossdock.streams.topics import FULFILMENT, RAW, STOCK
from tests.edges.builders import Hub, hub, run_until

TRAILER = {"dialect": {"trailer": {"prefix": "T,", "count_field": 2}}, "defaults": {"node": "DC-1"}}


def fetch(it: Hub, stream: str, folder: Path) -> None:
    """One sweep: until the folder holds no more files."""
    connection = it.connections.open["shop"]
    service = drop_service(connection, connection.streams[stream], it.around)
    waiting = folder / "partner" / stream

    def swept() -> bool:
        left = it.database.read_now(
            lambda c: c.exec_driver_sql(
                "SELECT count(*) FROM file_ledger WHERE state = 'stored'"
            ).scalar_one()
        )
        return not left and not any(path.is_file() for path in waiting.iterdir())

    asyncio.run(run_until([service], swept))
    asyncio.run(it.normalise())


def put(folder: Path, stream: str, name: str, content: bytes) -> None:
    (folder / "partner" / stream / name).write_bytes(content)


def lines(it: Hub) -> list[tuple[str, int]]:
    documents = [json.loads(message.body) for message in it.emitted(STOCK)]
    return [(line["sku"], line["quantity"]) for document in documents for line in document["lines"]]


def test_a_stock_file_becomes_parts_of_one_feed(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)
    rows = [(f"SKU-{number:06}", number % 97) for number in range(60_000)]
    content = "sku,quantity\n" + "".join(f"{sku},{quantity}\n" for sku, quantity in rows)
    put(tmp_path, "stock", "stock.csv", content.encode())
    fetch(it, "stock", tmp_path)
    documents = [json.loads(message.body) for message in it.emitted(STOCK)]
    assert lines(it) == rows
    assert len({document["feed_id"] for document in documents}) == 1
    assert [document.get("part", 1) for document in documents] == list(range(1, len(documents) + 1))
    assert [document.get("last", True) for document in documents] == [False] * (len(documents) - 1) + [True]
    assert len(it.emitted(RAW)) > 1
    assert it.letters() == []
    assert (tmp_path / "partner/stock/archive/stock.csv").is_file()


def test_faulty_rows_are_given_up_alone_and_can_be_mended(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)
    content = "sku,quantity\nA,1\nB,many\n,3\nD,4,5\nE,99999999999\nF,6\n"
    put(tmp_path, "stock", "stock.csv", content.encode())
    fetch(it, "stock", tmp_path)
    assert lines(it) == [("A", 1), ("F", 6)]
    found = {letter.body: letter for letter in it.letters()}
    assert set(found) == {b"B,many\n", b",3\n", b"D,4,5\n", b"E,99999999999\n"}
    assert found[b"B,many\n"].path.startswith("line 3: ")
    assert "stock.csv, line 3" in found[b"B,many\n"].message
    assert found[b"D,4,5\n"].code == "format.fields"
    it.replay(found[b"B,many\n"].id, b"B,2\n")
    asyncio.run(it.normalise())
    assert lines(it) == [("A", 1), ("F", 6), ("B", 2)]
    assert ["mended" in message.headers for message in it.emitted(STOCK)] == [False, True]


def test_what_a_mapping_leaves_out_is_counted(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)
    labels = {"connection": "shop", "stream": "stock", "path": "lines"}
    before = REGISTRY.get_sample_value("crossdock_items_omitted_total", labels) or 0
    put(tmp_path, "stock", "stock.csv", b"sku,quantity\nA,1\nTOTAL,1\nB,many\nTOTAL,2\n")
    fetch(it, "stock", tmp_path)
    assert lines(it) == [("A", 1)]
    assert REGISTRY.get_sample_value("crossdock_items_omitted_total", labels) == before + 2


@pytest.mark.parametrize(
    ("content", "streams", "code"),
    [
        (b"sku,quantity\nA,1\nT,2\n", {"stock": TRAILER}, "format.trailer_count"),
        (b"sku,quantity\nA,1\n", {"stock": TRAILER}, "format.trailer"),
        ("sku,quantity\nA,1\n".encode("utf-16"), {}, "format.encoding"),
    ],
)
def test_a_broken_file_goes_to_the_error_folder(
    database: Database, tmp_path: Path, content: bytes, streams: dict[str, Any], code: str
) -> None:
    it = hub(database, tmp_path, streams=streams)
    put(tmp_path, "stock", "broken.csv", content)
    put(tmp_path, "stock", "good.csv", b"sku,quantity\nA,1\n" + (b"T,1\n" if streams else b""))
    fetch(it, "stock", tmp_path)
    assert lines(it) == [("A", 1)]
    (letter,) = it.letters()
    assert letter.code == code
    assert "broken.csv" in letter.message
    assert letter.body == content
    assert (tmp_path / "partner/stock/error/broken.csv").is_file()
    assert (tmp_path / "partner/stock/archive/good.csv").is_file()


@pytest.mark.parametrize("how", ["delete", "keep"])
def test_a_partners_files_are_deleted_or_left_alone(database: Database, tmp_path: Path, how: str) -> None:
    streams = {"stock": {"read_files": how, "interval_seconds": 0.01, "defaults": {"node": "DC-1"}}}
    it = hub(database, tmp_path, streams=streams)
    folder = tmp_path / "partner/stock"
    put(tmp_path, "stock", "good.csv", b"sku,quantity\nA,1\n")
    put(tmp_path, "stock", "bad.csv", "sku,quantity\nA,1\n".encode("utf-16"))
    stream = it.connections.open["shop"].streams["stock"]
    drops, reads = it.connections.open["shop"].connector, []
    read = drops.read  # type: ignore[attr-defined]
    drops.read = lambda file: (reads.append(file.name), read(file))[1]  # type: ignore[attr-defined,func-returns-value]
    sweeps = 0

    def swept() -> bool:
        nonlocal sweeps
        sweeps += it.around.board.health(Activity("shop", "drop", "stock")).state is State.OK
        if sweeps == 5:  # a partner may touch a file without changing it
            os.utime(folder / "good.csv", (1, 1)) if how == "keep" else None
        return sweeps > 20

    asyncio.run(run_until([drop_service(it.connections.open["shop"], stream, it.around)], swept))
    asyncio.run(it.normalise())
    assert lines(it) == [("A", 1)]
    left = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert left == (["bad.csv", "good.csv"] if how == "keep" else ["error/bad.csv"])
    assert sorted(reads) == ["bad.csv", "good.csv", *(["good.csv"] if how == "keep" else [])]
    (letter,) = it.letters()
    assert ("stays where it is" if how == "keep" else "error folder") in letter.message


def test_a_stock_file_without_a_line_is_told_until_one_with_lines_comes(
    database: Database, tmp_path: Path
) -> None:
    it = hub(database, tmp_path)
    labels = {"connection": "shop", "stream": "stock"}
    before = REGISTRY.get_sample_value("crossdock_empty_files_total", labels) or 0
    put(tmp_path, "stock", "empty.csv", b"sku,quantity\n")
    fetch(it, "stock", tmp_path)
    assert (it.emitted(RAW), it.letters()) == ([], [])
    assert REGISTRY.get_sample_value("crossdock_empty_files_total", labels) == before + 1
    (item,) = database.read_now(lambda c: list_items(c))
    assert "empty.csv: holds no line" in item.message
    put(tmp_path, "stock", "good.csv", b"sku,quantity\nA,1\n")
    fetch(it, "stock", tmp_path)
    assert database.read_now(lambda c: list_items(c)) == []


def test_a_partner_that_ships_nothing_today_is_no_work(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)
    put(tmp_path, "advice", "empty.csv", b"order,sku,quantity\n")
    fetch(it, "advice", tmp_path)
    assert database.read_now(lambda c: list_items(c)) == []
    assert (it.emitted(RAW), it.letters()) == ([], [])


def test_the_same_file_twice_is_read_once_and_new_content_is_news(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)
    for content in (b"sku,quantity\nA,1\n", b"sku,quantity\nA,1\n", b"sku,quantity\nA,2\n"):
        put(tmp_path, "stock", "stock.csv", content)
        fetch(it, "stock", tmp_path)
    assert lines(it) == [("A", 1), ("A", 2)]


def test_a_crash_before_disposing_is_healed(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)
    put(tmp_path, "stock", "stock.csv", b"sku,quantity\nA,1\n")
    fetch(it, "stock", tmp_path)
    (tmp_path / "partner/stock/archive/stock.csv").rename(tmp_path / "partner/stock/stock.csv")
    it.database.transact_now(lambda c: c.exec_driver_sql("UPDATE file_ledger SET state = 'stored'"))
    fetch(it, "stock", tmp_path)
    assert lines(it) == [("A", 1)]
    assert (tmp_path / "partner/stock/archive/stock.csv").is_file()


def test_a_crash_before_disposing_is_healed_before_the_file_has_settled_anew(
    database: Database, tmp_path: Path
) -> None:
    it = hub(database, tmp_path)
    put(tmp_path, "stock", "bad.csv", "sku,quantity\nA,1\n".encode("utf-16"))
    fetch(it, "stock", tmp_path)
    (tmp_path / "partner/stock/error/bad.csv").rename(tmp_path / "partner/stock/bad.csv")
    it.database.transact_now(lambda c: c.exec_driver_sql("UPDATE file_ledger SET state = 'stored'"))
    files = {"kind": "folder", "path": str(tmp_path / "partner"), "settle_seconds": 3600}
    fetch(hub(database, tmp_path, config={"files": files}), "stock", tmp_path)
    assert (tmp_path / "partner/stock/error/bad.csv").is_file()


ADVICE = b"""shipment,fulfilment_order,shipped_at,tracking,sku,quantity
S1,F1,2026-11-23T09:00:00Z,T1,A,1
S2,F2,2026-11-23T09:00:00Z,T2,A,none
S1,F1,2026-11-23T09:00:00Z,T1,B,2
S2,F2,2026-11-23T09:00:00Z,T2,B,1
S3,F3,2026-11-23T09:00:00Z,T3,C,0
"""


def test_a_faulty_row_takes_its_document_with_it_and_no_other(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)
    put(tmp_path, "advice", "advice.csv", ADVICE)
    fetch(it, "advice", tmp_path)
    (message,) = it.emitted(FULFILMENT)
    assert message.key == "F1"
    assert [line["quantity"] for line in json.loads(message.body)["parcels"][0]["lines"]] == [1, 2]
    first, second = it.letters()
    assert first.body.splitlines() == ADVICE.splitlines()[2:5:2]
    assert second.body.splitlines() == ADVICE.splitlines()[5:]
    it.replay(first.id, ADVICE.replace(b"none", b"1").replace(b"C,0", b"C,1"))
    asyncio.run(it.normalise())
    assert [message.key for message in it.emitted(FULFILMENT)] == ["F1", "F2", "F3"]


def test_an_unreadable_row_of_a_file_of_documents_stops_that_file(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)
    put(tmp_path, "advice", "advice.csv", ADVICE + b"S1,F1\n")
    fetch(it, "advice", tmp_path)
    assert it.emitted(FULFILMENT) == []
    (letter,) = it.letters()
    assert "advice.csv" in letter.message
    assert "line 7" in letter.message


def test_acknowledgements_are_read_without_a_mapping(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)
    put(tmp_path, "x12", "997.edi", X12_997)
    fetch(it, "x12", tmp_path)
    group, one = it.emitted(FULFILMENT)
    assert (group.key, one.key) == ("17", "17")
    assert json.loads(group.body)["status"] == "accepted"
    assert json.loads(one.body)["document_control"] == "0001"


def test_a_truncated_interchange_is_refused_as_a_whole(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)
    put(tmp_path, "x12", "997.edi", X12_997[:150])
    fetch(it, "x12", tmp_path)
    assert it.emitted(FULFILMENT) == []
    (letter,) = it.letters()
    assert letter.code == "x12.truncated"
    assert (tmp_path / "partner/x12/error/997.edi").is_file()


def test_streams_of_a_role(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path, streams={"advice": {"enabled": False}})
    assert [each.name for each in it.connections.open["shop"].of_role(Role.DROP)] == ["stock", "x12"]


X12_997 = (
    b"ISA*00*          *00*          *ZZ*WAREHOUSE      *ZZ*HUB            *261123*1000*U*00401*000000009*0*P*>~\n"
    b"GS*FA*WAREHOUSE*HUB*20261123*1000*9*X*004010~\n"
    b"ST*997*0001~\nAK1*OW*17~\nAK2*940*0001~\nAK5*A~\nAK9*A*1*1*1~\nSE*6*0001~\n"
    b"GE*1*9~\nIEA*1*000000009~\n"
)
