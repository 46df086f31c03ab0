"""Orders as files: held against a published dictionary, a large shipper's own 940, and hostile contents."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.sdk.clock import ManualClock
from crossdock.sdk.connector import Command
from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.files import FolderConfig
from crossdock.sdk.outcomes import AlreadyApplied, Applied, NotApplied, Outcome, Rejected, Unknown
from crossdock_connectors.sftp_wms.outgoing import outgoing_file
from crossdock_schemas.base import Address
from crossdock_schemas.fulfilment import FulfilmentLine, FulfilmentOrder
from crossdock_schemas.order import Gift
from tests.connectors.sftp_wms.builders import ENVELOPE, ORDER, config, fulfilment_order
from tests.connectors.sftp_wms.conftest import Connect
from tests.connectors.sftp_wms.dictionary import CONTRACTS, counted, mistakes, split
from tests.connectors.sftp_wms.hub import NOW, MiniHub

KEY = f"fulfilment.request:{ORDER}"
CANCEL = {"id": ORDER, "order": "O1", "node": "DC-EAST"}
HUB = MiniHub(config(FolderConfig(path="nowhere")), ManualClock(NOW))


def written(order: FulfilmentOrder, **changes: Any) -> bytes:
    chosen = config(FolderConfig(path="nowhere"), **changes)
    return outgoing_file(
        chosen, chosen.require_orders(), HUB.command("fulfilment.request", order), KEY, NOW
    ).content


def segments_of(order: FulfilmentOrder, **changes: Any) -> list[list[str]]:
    return split(written(order, **changes))


def test_a_940_is_what_the_dictionary_says() -> None:
    order = fulfilment_order(
        purchase_order="PO-77",
        bill_to=Address(name="Ann", country="US"),
        note="Leave at the door\nplease",
    )
    found = segments_of(order)
    counted(found)
    assert list(mistakes(found)) == []
    assert ["W05", "N", ORDER, "PO-77"] in found
    assert ["NTE", "WHI", "Leave at the door please"] in found
    assert ["W01", "2", "EA", "", "VN", "01234", "EN", "4006381333931"] in found
    assert ["N9", "LI", f"{ORDER}-2"] in found
    assert ["W76", "3"] in found
    # both ends of the promise fall on the days that they have at the warehouse, not on those of UTC
    assert ["G62", "02", "20261126"] in found


def test_a_cancellation_is_a_940_of_status_f() -> None:
    file = outgoing_file(
        HUB.config,
        HUB.config.require_orders(),
        HUB.command("fulfilment.cancel", CANCEL, 18),
        f"fulfilment.cancel:{ORDER}",
        NOW,
    )
    found = split(file.content)
    counted(found)
    assert list(mistakes(found)) == []
    assert found[3] == ["W05", "F", ORDER]
    assert f"_cancel_{ORDER}_" in file.name


def test_segments_stand_in_the_order_of_a_large_shippers_940() -> None:
    path = CONTRACTS / "x12-types" / "v004010-940-3.edi"
    if not path.is_file():
        pytest.skip(f"the shipper's samples are not at {path}")
    theirs = [line.split("*")[0] for line in path.read_text().splitlines()]
    ours = [segment[0] for segment in segments_of(fulfilment_order(note="n"))]
    first = {name: theirs.index(name) for name in reversed(theirs)}
    shared = [name for name in dict.fromkeys(ours) if name in first]
    assert {"W05", "N1", "N3", "N4", "N9", "G62", "NTE", "W66", "LX", "W01", "W76"} <= set(shared)
    assert shared == sorted(shared, key=first.__getitem__)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


@given(name=texts, street=texts, note=texts, gift=texts, city=texts)
def test_no_text_of_a_person_breaks_an_interchange(
    name: str, street: str, note: str, gift: str, city: str
) -> None:
    order = fulfilment_order(
        ship_to=Address(name=name or "x", lines=(street,), city=city, country="US"),
        note=note,
        gift=Gift(message=gift),
    )
    found = segments_of(order)
    counted(found)
    assert [one for one in mistakes(found) if "is missing" in one] == []


def test_letters_that_the_partner_can_not_read_lose_their_accents() -> None:
    latin = {"envelope": ENVELOPE, "dialect": {"encoding": "ascii"}}
    found = segments_of(fulfilment_order(ship_to=Address(name="Zoë Łęcka 東", country="US")), x12=latin)
    assert found[4] == ["N1", "ST", "Zoe ?ecka ?"]


def test_a_sku_with_a_delimiter_is_refused_with_its_place() -> None:
    wrong = FulfilmentLine(id=f"{ORDER}-1", sku="MUG*RED", quantity=1, order_line="L1")

    async def run() -> Outcome:
        return await HUB.connector.execute(
            HUB.command("fulfilment.request", fulfilment_order(lines=(wrong,))), KEY
        )

    outcome = asyncio.run(run())
    assert isinstance(outcome, Rejected)
    assert outcome.code == "x12.delimiter"
    assert "(W01), element 05" in outcome.path


@pytest.mark.parametrize(
    ("dialect", "encoding"),
    [
        ({}, "utf-8"),
        ({"delimiter": ";", "encoding": "cp1252", "terminator": "\r\n"}, "cp1252"),
        ({"encoding": "utf-16-le", "bom": "require", "quote_all": True}, "utf-16"),
    ],
)
def test_orders_as_csv_are_read_by_a_plain_reader(dialect: dict[str, Any], encoding: str, root: Path) -> None:
    columns = HUB.config.rows.dialect["columns"]
    hub = MiniHub(
        config(
            FolderConfig(path=str(root)), rows={"format": "csv", "dialect": {"columns": columns, **dialect}}
        ),
        ManualClock(NOW),
    )
    command = hub.command(
        "fulfilment.request", fulfilment_order(note='say "hi";\nthen go'), mapping="sftp_wms/order"
    )
    assert isinstance(asyncio.run(hub.connector.execute(command, KEY)), Applied)
    (file,) = (root / "to_wms").glob("*_request_*.csv")
    text = file.read_bytes().decode(encoding)
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=dialect.get("delimiter", ",")))
    assert [(row["line"], row["sku"], row["quantity"]) for row in rows] == [
        (f"{ORDER}-1", "01234", "2"),
        (f"{ORDER}-2", "1e5", "1"),
    ]
    assert rows[0]["name"] == "Zoë Doe"
    assert rows[0]["note"] == 'say "hi";\nthen go'
    cancel = hub.command("fulfilment.cancel", CANCEL, 18, mapping="sftp_wms/cancellation")
    assert isinstance(asyncio.run(hub.connector.execute(cancel, f"fulfilment.cancel:{ORDER}")), Applied)
    (file,) = (root / "to_wms").glob("*_cancel_*.csv")
    assert "CANCEL" in file.read_bytes().decode(encoding)


def test_orders_in_fixed_width_are_cut_by_bytes(root: Path) -> None:
    names = [column["name"] for column in HUB.config.rows.dialect["columns"]]  # type: ignore[attr-defined]
    widths = {"sku": 10, "name": 7}
    columns = [{"name": name, "width": widths.get(name, 30), "overflow": "truncate"} for name in names]
    rows = {"format": "fixed_width", "dialect": {"encoding": "shift_jis", "records": [{"columns": columns}]}}
    order = fulfilment_order(ship_to=Address(name="山田太郎", country="JP"), gift=None)
    hub = MiniHub(config(FolderConfig(path=str(root)), rows=rows), ManualClock(NOW))
    command = hub.command("fulfilment.request", order, mapping="sftp_wms/order")
    assert isinstance(asyncio.run(hub.connector.execute(command, KEY)), Applied)
    (file,) = (root / "to_wms").glob("*.txt")
    lines = file.read_bytes().splitlines()
    start = sum(column["width"] for column in columns[: names.index("name")])
    assert {len(line) for line in lines} == {sum(column["width"] for column in columns)}
    # the fourth character would be cut in two
    assert lines[0][start : start + 7] == "山田太".encode("shift_jis") + b" "


# --- once, whatever happens ---------------------------------------------------------------------------------


Act = Callable[[MiniHub, Command], Any]


def test_the_same_key_puts_one_file(hub: Connect, root: Path) -> None:
    async def run() -> None:
        wms = hub()
        command = wms.command("fulfilment.request", fulfilment_order())
        first = await wms.connector.execute(command, KEY)
        assert isinstance(first, Applied)
        wms.clock.move(86_400)
        assert await wms.connector.execute(command, KEY) == AlreadyApplied(first.ref)
        assert await wms.connector.probe(command, KEY) == AlreadyApplied(first.ref)

    asyncio.run(run())
    assert len(list((root / "to_wms").glob("*.x12"))) == 1


def test_a_file_that_the_partner_has_taken_is_not_put_again(hub: Connect, root: Path) -> None:
    async def run() -> None:
        wms = hub()
        command = wms.command("fulfilment.request", fulfilment_order())
        assert await wms.connector.probe(command, KEY) == NotApplied()
        outcome = await wms.connector.execute(command, KEY)
        assert isinstance(outcome, Applied)
        name = Path(outcome.ref).name
        (root / "to_wms" / name).rename(root / "to_wms" / "taken" / name)
        taken = AlreadyApplied(f"to_wms/taken/{name}")
        assert await wms.connector.probe(command, KEY) == taken
        assert await wms.connector.execute(command, KEY) == taken

    asyncio.run(run())
    assert not list((root / "to_wms").glob("*.x12"))


def test_where_taken_files_vanish_a_person_is_asked_unless_repeating_is_harmless(hub: Connect) -> None:
    async def run() -> None:
        vanishing = hub(orders={"folder": "to_wms"})
        command = vanishing.command("fulfilment.request", fulfilment_order())
        unknown = await vanishing.connector.probe(command, KEY)
        assert isinstance(unknown, Unknown)
        assert "may have taken it" in unknown.why
        harmless = hub(orders={"folder": "to_wms", "repeatable": True})
        assert await harmless.connector.probe(command, KEY) == NotApplied()

    asyncio.run(run())


def test_other_content_under_the_same_key_is_for_a_person(hub: Connect, root: Path) -> None:
    async def run() -> None:
        wms = hub()
        command = wms.command("fulfilment.request", fulfilment_order())
        outcome = await wms.connector.execute(command, KEY)
        assert isinstance(outcome, Applied)
        before = (root / outcome.ref).read_bytes()
        changed = wms.command("fulfilment.request", fulfilment_order(note="changed"))
        for answer in (await wms.connector.execute(changed, KEY), await wms.connector.probe(changed, KEY)):
            assert isinstance(answer, Unknown)
            assert outcome.ref in answer.why
        assert (root / outcome.ref).read_bytes() == before

    asyncio.run(run())


def test_a_done_marker_lost_in_a_crash_is_put_by_the_next_attempt(hub: Connect, root: Path) -> None:
    async def run() -> None:
        wms = hub(orders={"folder": "to_wms", "done_marker": "{name}.ok", "taken_folder": "to_wms/taken"})
        command = wms.command("fulfilment.request", fulfilment_order())
        outcome = await wms.connector.execute(command, KEY)
        assert isinstance(outcome, Applied)
        marker = root / f"{outcome.ref}.ok"
        marker.unlink()
        assert await wms.connector.probe(command, KEY) == NotApplied()
        assert not marker.exists()
        assert await wms.connector.execute(command, KEY) == AlreadyApplied(outcome.ref)
        assert marker.exists()

    asyncio.run(run())


def test_names_follow_the_template_and_can_not_leave_the_folder(hub: Connect, root: Path) -> None:
    async def run() -> None:
        wms = hub(orders={"folder": "to_wms", "name": "OR{number}.940"})
        command = wms.command("fulfilment.request", fulfilment_order(), 4711)
        assert await wms.connector.execute(command, KEY) == Applied("to_wms/OR000004711.940")
        slashed = fulfilment_order(id="../../etc/passwd")
        outcome = await hub().connector.execute(wms.command("fulfilment.request", slashed), "k")
        assert isinstance(outcome, Applied)
        assert outcome.ref.startswith("to_wms/000000017_request_etc-passwd_")

    asyncio.run(run())


@pytest.mark.parametrize(
    ("template", "words"),
    [("order.x12", "two different files"), ("{reference}.x12", "two different files"), ("{key}{x}", "{x}")],
)
def test_a_name_that_is_not_unique_does_not_load(template: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"orders\.name") as caught:
        config(FolderConfig(path="."), orders={"folder": "out", "name": template})
    assert words in str(caught.value)


def test_what_is_missing_in_the_configuration_is_named() -> None:
    async def run(**changes: Any) -> str:
        wms = MiniHub(config(FolderConfig(path="."), **changes), ManualClock(NOW))
        with pytest.raises(MisconfiguredError) as caught:
            await wms.connector.execute(wms.command("fulfilment.request", fulfilment_order()), KEY)
        return caught.value.path

    assert asyncio.run(run(orders=None)) == "config.orders"
    assert asyncio.run(run(x12=None)) == "config.x12"


def test_a_mapping_that_makes_neither_is_named() -> None:
    command = replace(HUB.command("fulfilment.request", fulfilment_order()), documents=({"sku": "x"},))
    with pytest.raises(MisconfiguredError, match="neither an X12 set nor rows"):
        outgoing_file(HUB.config, HUB.config.require_orders(), command, KEY, datetime(2026, 1, 1, tzinfo=UTC))
