"""The 997 that goes back for what we received, and the one that comes for what we sent."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from crossdock.sdk.connector import Command
from crossdock.sdk.outcomes import AlreadyApplied, Applied, NotApplied
from tests.connectors.sftp_wms.builders import ENVELOPE, ORDER, interchange
from tests.connectors.sftp_wms.conftest import Connect
from tests.connectors.sftp_wms.dictionary import CONTRACTS, counted, mistakes, split
from tests.connectors.sftp_wms.hub import MiniHub, Taken

GOOD = [f"W06*N*{ORDER}*20261123*B1", "LX*1", "W12*CC*1*1**EA**VN*A"]
BAD = [f"W06*N*{ORDER}*20261123*B2", "LX*1", "ZZZ*1"]


def take(hub: MiniHub, root: Path, content: bytes, stream: str = "advice_945") -> Taken:
    (root / "from_wms" / f"{stream[-3:]}_1.x12").write_bytes(content)
    (taken,) = asyncio.run(hub.take(stream))
    return taken


def answers(root: Path) -> list[list[list[str]]]:
    return [split(path.read_bytes()) for path in sorted((root / "acks").iterdir())]


def test_each_set_is_answered(hub: Connect, root: Path) -> None:
    take(hub(), root, interchange("SW", [("945", GOOD), ("945", BAD)], control=123))
    (answer,) = answers(root)
    counted(answer)
    assert list(mistakes(answer)) == []
    isa, group = answer[0], answer[1]
    assert [isa[6].strip(), isa[8].strip(), isa[13], isa[15]] == ["ACME", "WAREHOUSE", "000000900", "P"]
    assert group[1:4] == ["FA", "ACME", "WAREHOUSE"]
    assert [one for one in answer if one[0].startswith("AK")] == [
        ["AK1", "SW", "123"],
        ["AK2", "945", "0001"],
        ["AK5", "A"],
        ["AK2", "945", "0002"],
        ["AK3", "ZZZ", "4", "", "1"],
        ["AK5", "R", "5"],
        ["AK9", "P", "2", "2", "1"],
    ]


def test_it_is_put_once_and_named_after_the_group(hub: Connect, root: Path) -> None:
    wms = hub()
    for _ in range(2):
        take(wms, root, interchange("SW", [("945", GOOD)], control=77))
        wms.clock.move(60)
    (path,) = (root / "acks").iterdir()
    assert path.name.startswith("997_77_")
    first, again = wms.acknowledged
    assert isinstance(first, Applied)
    assert again == AlreadyApplied(first.ref)


def test_without_a_folder_none_is_sent_and_nothing_fails(hub: Connect, root: Path) -> None:
    wms = hub(x12={"envelope": ENVELOPE})
    take(wms, root, interchange("SW", [("945", GOOD)]))
    assert answers(root) == []
    assert [type(outcome) for outcome in wms.acknowledged] == [Applied]
    command = Command("acknowledgement.send", "k", ({"set": "997"},))
    assert asyncio.run(wms.connector.probe(command, "k")) == NotApplied()


def test_a_ta1_speaks_of_the_interchange_that_we_sent(hub: Connect, root: Path) -> None:
    head = interchange("FA", []).decode().splitlines()[0]
    content = f"{head}\nTA1*000000017*261123*1000*R*025~\nIEA*0*000000001~\n".encode()
    (said,) = take(hub(), root, content, "ack_997").documents
    assert (said.group_control, said.document_kind, said.status.value) == ("17", "TA1", "rejected")
    assert said.errors == ("control number used before",)
    assert answers(root) == []


def test_a_ta1_goes_back_where_it_is_asked_for_and_for_what_is_rejected(hub: Connect, root: Path) -> None:
    asking = interchange("SW", [("945", GOOD)], control=77).replace(b"*000000077*0*", b"*000000077*1*", 1)
    rejected = interchange("SW", [("945", GOOD)], control=78).replace(
        b"IEA*1*000000078", b"IEA*2*000000078", 1
    )
    wms = hub()
    take(wms, root, asking)
    take(wms, root, rejected)
    assert sorted(path.name.rpartition("_")[0] for path in (root / "acks").iterdir()) == [
        "997_77", "TA1_000000077", "TA1_000000078",
    ]  # fmt: skip
    said = [one for answer in answers(root) for one in answer if one[0] == "TA1"]
    assert [[one[1], *one[4:]] for one in said] == [["000000077", "A", "000"], ["000000078", "R", "021"]]
    taken = [answer for answer in answers(root) if answer[1][0] == "TA1"]
    assert all(answer[0][14] == "0" and answer[-1][:2] == ["IEA", "0"] for answer in taken)


def test_a_997_is_never_answered(hub: Connect, root: Path) -> None:
    content = interchange("FA", [("997", ["AK1*OW*17", "AK2*940*0017", "AK5*A", "AK9*A*1*1*1"])])
    group, one_set = take(hub(), root, content, "ack_997").documents
    assert (group.group_control, group.document_control) == ("17", None)
    assert (one_set.document_control, one_set.status.value) == ("0017", "accepted")
    assert answers(root) == []


@pytest.mark.parametrize("tolerant", [False, True])
def test_a_vendors_wrong_count_is_rejected_unless_it_is_tolerated(
    hub: Connect, root: Path, *, tolerant: bool
) -> None:
    path = CONTRACTS / "x12-types" / "v004010-945-1.edi"
    if not path.is_file():
        pytest.skip(f"the vendors' samples are not at {path}")
    wms = hub()
    wms.dialects["advice_945"] = {"tolerate": ["x12.set_count"]} if tolerant else {}
    taken = take(wms, root, path.read_bytes())
    assert len(taken.documents) == tolerant
    (answer,) = answers(root)
    assert (["AK5", "A"] if tolerant else ["AK5", "R", "4"]) in answer
