"""The 997 that we send for what we received."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from crossdock.sdk.connector import Disposal
from crossdock.sdk.formats import RecordFault
from crossdock.sdk.formats.x12 import X12Dialect, X12Format, read_acknowledgement
from tests.connectors.sftp_wms.builders import ENVELOPE, ORDER, config, interchange
from tests.connectors.sftp_wms.conftest import Connect
from tests.connectors.sftp_wms.dictionary import CONTRACTS, counted, mistakes, split
from tests.connectors.sftp_wms.hub import MiniHub

GOOD = [f"W06*N*{ORDER}*20261123*B1", "LX*1", "W12*CC*1*1**EA**VN*A"]
BAD = [f"W06*N*{ORDER}*20261123*B2", "LX*1", "ZZZ*1"]


def dispose(hub: MiniHub, stream: str, how: Disposal = Disposal.ARCHIVE) -> None:
    async def whole() -> None:
        for file in await hub.connector.list_files(stream):
            await hub.connector.dispose(file, how)

    asyncio.run(whole())


def answers(root: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((root / "acks").iterdir())]


def test_each_set_is_answered_to_its_sender(hub: Connect, root: Path) -> None:
    content = interchange("SW", [("945", GOOD), ("945", BAD)], control=123)
    (root / "from_wms" / "945_1.x12").write_bytes(content)
    dispose(hub(), "advice_945")
    (answer,) = answers(root)
    segments = split(answer)
    counted(segments)
    assert list(mistakes(segments)) == []
    isa, group = segments[0], segments[1]
    assert [isa[6].strip(), isa[8].strip(), isa[13], isa[15]] == ["ACME", "WAREHOUSE", "900000123", "P"]
    assert group[1:4] == ["FA", "ACME", "WAREHOUSE"]
    assert ["AK1", "SW", "123"] in segments
    assert [one for one in segments if one[0] in ("AK2", "AK3", "AK5", "AK9")] == [
        ["AK2", "945", "0001"],
        ["AK5", "A"],
        ["AK2", "945", "0002"],
        ["AK3", "ZZZ", "4", "", "1"],
        ["AK5", "R", "5"],
        ["AK9", "P", "2", "2", "1"],
    ]
    (record,) = [
        one
        for frame in X12Format(X12Dialect()).frames([answer])
        for one in X12Format(X12Dialect()).parse(frame)
    ]
    assert not isinstance(record.value, RecordFault)
    assert read_acknowledgement(record.value).status == "partial"


def test_it_is_sent_once_however_often_the_file_is_disposed_of(hub: Connect, root: Path) -> None:
    content = interchange("SW", [("945", GOOD)])
    wms = hub()
    for _ in range(2):
        (root / "from_wms" / "945_1.x12").write_bytes(content)
        dispose(wms, "advice_945")
        wms.clock.move(60)
    assert len(answers(root)) == 1


def test_it_comes_before_the_move_so_that_a_crash_between_loses_nothing(
    hub: Connect, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "from_wms" / "945_1.x12").write_bytes(interchange("SW", [("945", GOOD)]))
    wms = hub()

    async def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(wms.assembly.services.files), "move", crash)
        with pytest.raises(KeyboardInterrupt):
            dispose(wms, "advice_945")
    assert len(answers(root)) == 1
    dispose(hub(), "advice_945")
    assert len(answers(root)) == 1
    assert not list((root / "from_wms").glob("*.x12"))


def test_each_interchange_of_a_file_has_its_own(hub: Connect, root: Path) -> None:
    content = b"".join(interchange("SW", [("945", GOOD)], control=number) for number in (1, 2))
    (root / "from_wms" / "945_1.x12").write_bytes(content)
    dispose(hub(), "advice_945")
    assert len(answers(root)) == 2


@pytest.mark.parametrize(
    ("stream", "name", "content"),
    [
        ("ack_997", "997_1.x12", interchange("FA", [("997", ["AK1*OW*1", "AK9*A*1*1*1"])])),
        ("advice_945", "945_1.x12", interchange("SW", [("945", GOOD)])[:200]),
        ("advice_945", "945_1.x12", b"no X12"),
        ("stock_csv", "s.csv", b"sku,quantity\nA,1\n"),
    ],
)
def test_what_can_not_or_must_not_be_answered_is_not(
    hub: Connect, root: Path, stream: str, name: str, content: bytes
) -> None:
    folder = root / ("stock" if stream == "stock_csv" else "from_wms")
    (folder / name).write_bytes(content)
    dispose(hub(), stream, Disposal.ERROR)
    assert answers(root) == []
    assert (folder / "error" / name).exists()


def test_without_a_folder_for_them_none_is_sent(hub: Connect, root: Path) -> None:
    (root / "from_wms" / "945_1.x12").write_bytes(interchange("SW", [("945", GOOD)]))
    dispose(hub(x12={"envelope": ENVELOPE}), "advice_945")
    assert answers(root) == []


def test_a_wrong_count_is_answered_as_rejected_unless_it_is_tolerated(hub: Connect, root: Path) -> None:
    path = CONTRACTS / "x12-types" / "v004010-945-1.edi"
    if not path.is_file():
        pytest.skip(f"the vendors' samples are not at {path}")
    (root / "from_wms" / "945_1.x12").write_bytes(path.read_bytes())
    dispose(hub(), "advice_945")
    (rejected,) = answers(root)
    assert ["AK5", "R", "4"] in split(rejected)
    assert split(rejected)[0][8].strip() == "YOUR-ID-HERE"
    (root / "acks" / next((root / "acks").iterdir()).name).unlink()
    tolerant = {
        "envelope": ENVELOPE,
        "dialect": {"tolerate": ["x12.set_count"]},
        "acknowledgements": {"folder": "acks"},
    }
    (root / "from_wms" / "945_1.x12").write_bytes(path.read_bytes())
    dispose(hub(x12=tolerant), "advice_945")
    (accepted,) = answers(root)
    assert ["AK5", "A"] in split(accepted)


def test_the_configuration_of_acknowledgements_needs_no_orders(root: Path) -> None:
    assert config({"kind": "folder", "path": str(root)}, orders=None).x12 is not None
