"""TA1: what a partner says of the envelope of an interchange that we sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from crossdock.sdk.errors import RecordRejectedError
from crossdock.sdk.formats import RecordFault
from crossdock.sdk.formats.x12 import (
    Envelope,
    InterchangeAcknowledged,
    X12Dialect,
    X12Format,
    read_interchange_acknowledgement,
)
from tests.connectors.sftp_wms.builders import interchange
from tests.sdk.formats.builders import documents, read

ISA = f"ISA*00*{'':10}*00*{'':10}*ZZ*{'WAREHOUSE':15}*ZZ*{'ACME':15}*261123*1000*U*00401*000000005*0*P*>~\n"
IEA = "IEA*0*000000005~\n"
X12 = X12Format(X12Dialect())


def alone(*notes: str) -> bytes:
    return (ISA + "".join(f"{note}~\n" for note in notes) + IEA).encode()


@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_an_interchange_of_nothing_else_is_read(chunk: int) -> None:
    records = read(X12, alone("TA1*000000017*261123*0955*A*000", "TA1*000000018*261123*0955*R*006"), chunk)
    first, second = documents(records)
    assert (first["set"], first["control"]) == ("TA1", "000000005")
    assert isinstance(first["interchange"], dict)
    assert first["interchange"]["sender"] == "WAREHOUSE"
    assert read_interchange_acknowledgement(first) == InterchangeAcknowledged("000000017", "accepted")
    assert read_interchange_acknowledgement(second) == InterchangeAcknowledged(
        "000000018", "rejected", "sender unknown"
    )
    assert [(record.number, record.line) for record in records] == [(1, 2), (2, 3)]
    assert X12.inspect([alone("TA1*000000017*261123*0955*A*000")]).ok


def test_before_the_groups_of_another_interchange() -> None:
    content = interchange("FA", [("997", ["AK1*OW*17", "AK9*A*1*1*1"])])
    content = content.replace(b"GS*FA", b"TA1*000000017*261123*0955*E*019~\nGS*FA", 1)
    note, acknowledgement = documents(records := read(X12, content))
    assert read_interchange_acknowledgement(note).status == "accepted_with_errors"
    assert acknowledgement["set"] == "997"
    assert [record.number for record in records] == [1, 2]


def test_numbers_go_on_in_the_next_interchange() -> None:
    content = alone("TA1*000000017*261123*0955*A*000") + interchange(
        "FA", [("997", ["AK1*OW*17", "AK9*A*1*1*1"])], 6
    )
    assert [record.number for record in read(X12, content)] == [1, 2]


def test_an_interchange_of_nothing_at_all_is_still_a_fault() -> None:
    (record,) = read(X12, alone())
    assert isinstance(record.value, RecordFault)
    assert record.value.rejection.code == "x12.empty"


def test_after_a_group_it_is_stray() -> None:
    content = interchange("FA", [("997", ["AK1*OW*17", "AK9*A*1*1*1"])])
    content = content.replace(b"IEA", b"TA1*000000017*261123*0955*A*000~\nIEA", 1)
    (record,) = read(X12, content)
    assert isinstance(record.value, RecordFault)
    assert record.value.rejection.code == "x12.stray_segment"


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"set": "997"}, "TA1"),
        ({"set": "TA1", "TA1": {"01": "x", "04": "A"}}, "TA1.01"),
        ({"set": "TA1", "TA1": {"04": "A"}}, "TA1.01"),
        ({"set": "TA1", "TA1": {"01": "000000017", "04": "Q"}}, "TA1.04"),
    ],
)
def test_what_is_no_good_ta1_is_told_with_its_place(document: dict[str, Any], path: str) -> None:
    with pytest.raises(RecordRejectedError) as told:
        read_interchange_acknowledgement(document)
    assert told.value.rejections[0].path == path


def test_an_unknown_note_is_named_by_its_code() -> None:
    note = {"set": "TA1", "TA1": {"01": "000000017", "04": "R", "05": "999"}}
    assert read_interchange_acknowledgement(note).reason == "code 999"  # type: ignore[arg-type]


def notes(content: bytes) -> list[list[str]]:
    """The elements of the TA1s that are due for an interchange."""
    (frame,) = X12.frames([content])
    due = [document["TA1"] for document in X12.acknowledge(frame) if document["set"] == "TA1"]
    return [list(map(str, each.values())) for each in due if isinstance(each, dict)]


ADVICE = interchange("SW", [("945", ["W06*N*1*20261123*B1", "LX*1", "W12*CC*1*1**EA**VN*A"])], 17)
ASKING = ADVICE.replace(b"*000000017*0*", b"*000000017*1*", 1)


def test_one_is_due_where_isa14_asks_for_it() -> None:
    assert notes(ADVICE) == []
    date, time = ADVICE.decode().split("*")[9:11]
    assert notes(ASKING) == [["000000017", date, time, "A", "000"]]
    kinds = [document["set"] for document in X12.acknowledge(next(X12.frames([ASKING])))]
    assert kinds == ["997", "TA1"]


def test_a_ta1_is_never_answered_by_a_ta1() -> None:
    asking = alone("TA1*000000017*261123*0955*A*000").replace(b"*000000005*0*", b"*000000005*1*", 1)
    assert notes(asking) == []


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"IEA*1*000000017", b"IEA*1*000000018", "001"),
        (b"IEA*1*", b"IEA*2*", "021"),
        (b"GE*1*", b"N1*SF~\nGE*1*", None),
        (b"GS*SW", b"ZZ*1~\nGS*SW", "022"),
        (b"*0*P*>", b"*0*Q*>", "020"),
        (b"*ZZ*WAREHOUSE      *", b"*ZZ*               *", "006"),
    ],
)
def test_one_is_due_for_a_rejected_interchange(old: bytes, new: bytes, code: str | None) -> None:
    assert old in ADVICE
    assert [each[3:] for each in notes(ADVICE.replace(old, new, 1))] == ([["R", code]] if code else [])


def test_what_is_written_is_read() -> None:
    (frame,) = X12.frames([ASKING])
    (note,) = (each for each in X12.acknowledge(frame) if each["set"] == "TA1")
    envelope = Envelope(sender="ACME", receiver="WAREHOUSE", usage="P")
    keys = envelope.keys("", control=9, group_control=9, at=datetime(2026, 11, 23, 10, tzinfo=UTC))
    (again,) = documents(read(X12, b"".join(X12.write([{**note, "interchange": keys["interchange"]}]))))
    assert read_interchange_acknowledgement(again) == InterchangeAcknowledged("000000017", "accepted")


def test_a_set_without_a_group_is_not_written() -> None:
    keys = Envelope(sender="ACME", receiver="WAREHOUSE", usage="P").keys(
        "OW", control=9, group_control=9, at=datetime(2026, 11, 23, 10, tzinfo=UTC)
    )
    with pytest.raises(RecordRejectedError, match="group is missing"):
        list(X12.write([{"set": "940", "control": "0001", "interchange": keys["interchange"]}]))
