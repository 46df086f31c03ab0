"""Files as partners really leave them, in a folder and at OpenSSH's sshd."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paramiko
import pytest

from crossdock.sdk.clock import ManualClock
from crossdock.sdk.connector import Disposal, Verdict
from crossdock.sdk.errors import RetryableError
from crossdock.sdk.outcomes import AlreadyApplied, Applied, Unknown, Unreachable
from crossdock_schemas.base import Reference
from crossdock_schemas.fulfilment import Parcel, ParcelLine, Shipment
from tests.connectors.sftp_wms.builders import ORDER, config, fulfilment_order
from tests.connectors.sftp_wms.conftest import Connect
from tests.connectors.sftp_wms.hub import MiniHub
from tests.connectors.sftp_wms.warehouse import Warehouse
from tests.servers.sshd import Sshd, make_key, running_sshd

STOCK = b"sku,quantity\nA,1\n"
NODE = {"stock_csv": {"node": "DC-EAST"}}


def run(hub: MiniHub, work: Callable[[MiniHub], Awaitable[None]]) -> None:
    async def whole() -> None:
        try:
            await work(hub)
        finally:
            await hub.assembly.close()

    asyncio.run(whole())


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []


def test_an_order_goes_out_and_comes_back_shipped(anywhere: Connect, root: Path) -> None:
    warehouse = Warehouse(root)

    async def work(hub: MiniHub) -> None:
        command = hub.command("fulfilment.request", fulfilment_order(), number=4711)
        assert isinstance(await hub.connector.execute(command, "k"), Applied)
        warehouse.work()
        # asked again after a crash, when the file has been taken already
        assert isinstance(await hub.connector.execute(command, "k"), AlreadyApplied)
        warehouse.work()
        assert warehouse.seen == [ORDER]
        (acknowledged,) = await hub.take("ack_997")
        assert [one.document_control for one in acknowledged.documents] == [None, "4711"]
        (advised,) = await hub.take("advice_945")
        (shipment,) = advised.documents
        assert shipment == Shipment(
            external_id=f"BOL-{ORDER}",
            fulfilment_order=ORDER,
            shipped_at=datetime(2026, 11, 23, 15, 30, tzinfo=UTC),
            carrier="UPSN",
            service="GROUND",
            parcels=tuple(
                Parcel(
                    external_id=f"1Z{number}",
                    tracking_number=f"1Z{number}",
                    lines=(ParcelLine(line=line.id, sku=line.sku, quantity=line.quantity),),
                )
                for number, line in enumerate(fulfilment_order().lines, 1)
            ),
            references=(Reference(kind="shipment", value=f"BOL-{ORDER}"),),
        )

    run(anywhere(), work)
    assert names(root / "from_wms") == []
    assert names(root / "from_wms" / "archive") == ["945_2.x12", "997_1.x12"]


def test_a_growing_file_is_left_alone_until_it_stands_still(anywhere: Connect, root: Path) -> None:
    path = root / "stock" / "s.csv"

    async def work(hub: MiniHub) -> None:
        path.write_bytes(STOCK)
        assert await hub.connector.list_files("stock_csv") == []
        hub.clock.move(9)
        path.write_bytes(STOCK + b"B,2\n")
        assert await hub.connector.list_files("stock_csv") == []
        hub.clock.move(9)
        assert await hub.connector.list_files("stock_csv") == []
        hub.clock.move(1)
        hub.defaults = NODE
        (taken,) = await hub.take("stock_csv")
        assert [line.sku for line in taken.documents[0].lines] == ["A", "B"]

    run(anywhere(settle_seconds=10), work)


def test_a_file_that_grows_between_listing_and_reading_is_read_later(anywhere: Connect, root: Path) -> None:
    path = root / "stock" / "s.csv"

    async def work(hub: MiniHub) -> None:
        path.write_bytes(STOCK)
        (file,) = await hub.connector.list_files("stock_csv")
        path.write_bytes(STOCK + b"B,2\n")
        with pytest.raises(RetryableError):
            await hub.take_file(file)
        # nor is it moved unread
        await hub.connector.dispose(file, Disposal.ARCHIVE)
        assert path.exists()

    run(anywhere(), work)


@pytest.mark.parametrize("name", ["s.csv.part", ".s.csv", "s.csv.tmp", "s.csv.filepart"])
def test_half_written_names_are_never_read(anywhere: Connect, root: Path, name: str) -> None:
    async def work(hub: MiniHub) -> None:
        (root / "stock" / name).write_bytes(STOCK)
        assert await hub.connector.list_files("stock_csv") == []

    run(anywhere(inbound={"stock_csv": {"folder": "stock", "pattern": "*"}}), work)


def test_a_done_marker_is_awaited_and_goes_with_its_file(anywhere: Connect, root: Path) -> None:
    async def work(hub: MiniHub) -> None:
        hub.defaults = NODE
        (root / "stock" / "s.csv").write_bytes(STOCK)
        assert await hub.take("stock_csv") == []
        (root / "stock" / "s.csv.ok").touch()
        assert len(await hub.take("stock_csv")) == 1

    run(anywhere(done_marker="{name}.ok"), work)
    assert names(root / "stock") == []
    assert names(root / "stock" / "archive") == ["s.csv"]


TRAILER = {"trailer": {"prefix": "TRL", "count_field": 2}, "columns": [{"name": "sku"}, {"name": "quantity"}]}


@pytest.mark.parametrize(
    ("content", "dialect", "code"),
    [
        (b"", {"columns": [{"name": "sku"}]}, "format.header"),
        (b"sku,quantity\nA,1\nTRL,2\n", TRAILER, "format.trailer_count"),
        (b"sku,quantity\nA,1\n", TRAILER, "format.trailer"),
        (b"sku,quantity\nA,1", {"last_terminator": "required"}, "format.half_written"),
        ("sku,quantity\nA,1\n".encode("utf-16"), {}, "format.encoding"),
        (b"item,qty\nA,1\n", {"columns": [{"name": "sku"}]}, "format.header"),
    ],
)
def test_a_file_in_doubt_as_a_whole_goes_to_the_error_folder(
    hub: Connect, root: Path, content: bytes, dialect: dict[str, Any], code: str
) -> None:
    async def work(wms: MiniHub) -> None:
        wms.defaults, wms.dialects = NODE, {"stock_csv": dialect}
        (root / "stock" / "s.csv").write_bytes(content)
        (taken,) = await wms.take("stock_csv")
        assert taken.documents == []
        assert taken.rejections[0] == code

    run(hub(), work)
    assert (root / "stock" / "error" / "s.csv").read_bytes() == content


@pytest.mark.parametrize(
    ("content", "dialect", "rows"),
    [
        (b"\xef\xbb\xbfsku,quantity\nA,1\n", {}, [("A", 1)]),
        ("sku;quantity\nKÄSE;1\n".encode("cp1252"), {"encoding": "cp1252", "delimiter": ";"}, [("KÄSE", 1)]),
        ("sku,quantity\nA,1\n".encode("utf-16"), {"encoding": "utf-16-le"}, [("A", 1)]),
        (
            b"sku;quantity\nA;3,0\n",
            {
                "delimiter": ";",
                "decimal_sign": ",",
                "columns": [{"name": "sku"}, {"name": "quantity", "kind": "decimal"}],
            },
            [("A", 3)],
        ),
        (b'sku,quantity,name\n"A\n1",2,"two\r\nlines, quoted"\n', {}, [("A\n1", 2)]),
        (b"sku,quantity\r\nA,1\r\n", {}, [("A", 1)]),
    ],
)
def test_declared_dialects_are_read(
    hub: Connect, root: Path, content: bytes, dialect: dict[str, Any], rows: list[tuple[str, int]]
) -> None:
    async def work(wms: MiniHub) -> None:
        wms.defaults, wms.dialects = NODE, {"stock_csv": dialect}
        (root / "stock" / "s.csv").write_bytes(content)
        (taken,) = await wms.take("stock_csv")
        assert [(line.sku, line.quantity) for line in taken.documents[0].lines] == rows

    run(hub(), work)


def test_bytes_of_another_encoding_are_the_fault_of_their_row_only(hub: Connect, root: Path) -> None:
    async def work(wms: MiniHub) -> None:
        wms.defaults = NODE
        (root / "stock" / "s.csv").write_bytes(b"sku,quantity\nA,1\nK\xc4SE,2\nB,3\n")
        (taken,) = await wms.take("stock_csv")
        assert [line.sku for line in taken.documents[0].lines] == ["A", "B"]
        (fault,) = taken.faults
        assert (fault.rejection.code, "line 3" in fault.rejection.path) == ("format.encoding", True)

    run(hub(), work)


def test_the_same_name_with_new_content_is_read_again_and_both_are_kept(
    anywhere: Connect, root: Path
) -> None:
    async def work(hub: MiniHub) -> None:
        hub.defaults = NODE
        feeds = []
        for content in (STOCK, b"sku,quantity\nA,2\n"):
            (root / "stock" / "s.csv").write_bytes(content)
            (taken,) = await hub.take("stock_csv")
            feeds.append(taken.documents[0])
        assert [feed.lines[0].quantity for feed in feeds] == [1, 2]
        assert feeds[0].feed_id != feeds[1].feed_id

    run(anywhere(), work)
    assert names(root / "stock" / "archive") == ["s.2.csv", "s.csv"]


def test_disposing_twice_is_no_error(anywhere: Connect, root: Path) -> None:
    async def work(hub: MiniHub) -> None:
        (root / "stock" / "s.csv").write_bytes(STOCK)
        (file,) = await hub.connector.list_files("stock_csv")
        for how in (Disposal.KEEP, Disposal.ARCHIVE, Disposal.ARCHIVE, Disposal.DELETE):
            await hub.connector.dispose(file, how)

    run(anywhere(), work)
    assert names(root / "stock" / "archive") == ["s.csv"]


def test_a_marker_that_a_crash_left_behind_goes_when_its_file_is_disposed_of_again(
    anywhere: Connect, root: Path
) -> None:
    async def work(hub: MiniHub) -> None:
        for name in ("s.csv", "s.csv.ok"):
            (root / "stock" / name).write_bytes(STOCK)
        (file,) = await hub.connector.list_files("stock_csv")
        (root / "stock" / "s.csv").unlink()
        await hub.connector.dispose(file, Disposal.ARCHIVE)

    run(anywhere(done_marker="{name}.ok"), work)
    assert names(root / "stock") == []


def test_folders_of_archive_and_error_are_the_partners_choice(hub: Connect, root: Path) -> None:
    inbound = {"stock_csv": {"folder": "stock", "archive": "done/stock", "error": "bad"}}
    (root / "done").mkdir()

    async def work(wms: MiniHub) -> None:
        for how in (Disposal.ARCHIVE, Disposal.ERROR, Disposal.DELETE):
            (root / "stock" / "s.csv").write_bytes(STOCK)
            (file,) = await wms.connector.list_files("stock_csv")
            await wms.connector.dispose(file, how)

    run(hub(inbound=inbound), work)
    assert (names(root / "done" / "stock"), names(root / "bad"), names(root / "stock")) == (
        ["s.csv"],
        ["s.csv"],
        [],
    )


def test_streams_that_the_partner_does_not_use_have_no_files(hub: Connect) -> None:
    async def work(wms: MiniHub) -> None:
        assert await wms.connector.list_files("advice_945") == ()

    run(hub(inbound={}), work)


# --- the server ------------------------------------------------------------------------------------------------


def verdicts(hub: MiniHub) -> dict[str, Verdict]:
    async def look() -> dict[str, Verdict]:
        try:
            report = await hub.connector.check()
        finally:
            await hub.assembly.close()
        return {check.capability: check.verdict for check in report.checks}

    return asyncio.run(look())


def test_check_reads_every_folder_and_writes_nothing(anywhere: Connect, root: Path) -> None:
    before = sorted(root.rglob("*"))
    found = verdicts(anywhere())
    assert set(found.values()) == {Verdict.OK}
    assert {"fulfilment.request", "acknowledgements", "advice_945", "stock_csv"} <= found.keys()
    assert sorted(root.rglob("*")) == before


def test_check_names_what_is_missing(anywhere: Connect, root: Path) -> None:
    (root / "acks").rmdir()
    found = verdicts(anywhere())
    assert found.pop("acknowledgements") is Verdict.MISCONFIGURED
    assert set(found.values()) == {Verdict.OK}


def test_a_wrong_key_is_unauthorised(sshd: Sshd, root: Path, tmp_path: Path, clock: ManualClock) -> None:
    other = make_key(tmp_path / "other").read_text()
    hub = MiniHub(config(sshd.config(root=str(root), private_key=other)), clock)
    assert set(verdicts(hub).values()) == {Verdict.UNAUTHORISED}


def test_nobody_listening_is_unreachable(sshd: Sshd, root: Path, clock: ManualClock) -> None:
    hub = MiniHub(config(sshd.config(root=str(root), port=1)), clock)
    assert set(verdicts(hub).values()) == {Verdict.UNREACHABLE}


def test_a_changed_host_key_stops_everything_before_a_byte_is_sent(
    tmp_path: Path, root: Path, clock: ManualClock
) -> None:
    with running_sshd(tmp_path / "server") as server:
        known = server.fingerprint
        port = server.port
    with running_sshd(tmp_path / "server", host_key=make_key(tmp_path / "new_host_key"), port=port) as server:
        hub = MiniHub(config(server.config(root=str(root), host_keys=(known,))), clock)
        assert set(verdicts(hub).values()) == {Verdict.MISCONFIGURED}
        rotating = MiniHub(
            config(server.config(root=str(root), host_keys=(known, server.fingerprint))), clock
        )
        assert set(verdicts(rotating).values()) == {Verdict.OK}
    assert names(root / "to_wms") == []


def stop(server: Sshd) -> None:
    """End the server and the processes that serve its open sessions."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    server.process.terminate()
    server.process.wait(10)
    for child in children:
        os.kill(int(child), signal.SIGKILL)


def test_a_cut_connection_is_no_order_and_the_next_attempt_puts_one(
    tmp_path: Path, root: Path, clock: ManualClock
) -> None:
    async def cut(hub: MiniHub) -> None:
        command = hub.command("fulfilment.request", fulfilment_order())
        assert await hub.connector.list_files("stock_csv") == []
        stop(server)
        assert isinstance(await hub.connector.execute(command, "k"), Unreachable)

    async def repeat(hub: MiniHub) -> None:
        command = hub.command("fulfilment.request", fulfilment_order())
        assert isinstance(await hub.connector.execute(command, "k"), Applied)
        assert isinstance(await hub.connector.probe(command, "k"), AlreadyApplied)

    with running_sshd(tmp_path / "server") as server:
        run(MiniHub(config(server.config(root=str(root))), clock), cut)
    assert names(root / "to_wms") == []
    with running_sshd(tmp_path / "server", host_key=tmp_path / "server" / "host_key") as server:
        run(MiniHub(config(server.config(root=str(root))), clock), repeat)
    assert len(names(root / "to_wms")) == 1


def test_a_cut_right_after_the_rename_is_unknown_and_the_probe_finds_the_order(
    tmp_path: Path, root: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = paramiko.SFTPClient.posix_rename

    def cut_after(self: paramiko.SFTPClient, old: str, new: str) -> None:
        rename(self, old, new)
        raise EOFError

    async def work(hub: MiniHub) -> None:
        command = hub.command("fulfilment.request", fulfilment_order())
        with monkeypatch.context() as patch:
            patch.setattr(paramiko.SFTPClient, "posix_rename", cut_after)
            assert isinstance(await hub.connector.execute(command, "k"), Unknown)
        assert isinstance(await hub.connector.probe(command, "k"), AlreadyApplied)

    with running_sshd(tmp_path / "server") as server:
        run(MiniHub(config(server.config(root=str(root))), clock), work)
    assert len(names(root / "to_wms")) == 1
