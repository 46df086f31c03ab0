"""What a warehouse's files become."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from crossdock.mapping import MappingError
from crossdock.sdk.clock import ManualClock
from crossdock.sdk.connector import FileRef
from crossdock.sdk.files import FolderConfig
from crossdock_schemas.fulfilment import ResponseKind, Shipment
from crossdock_schemas.stock import FeedMeaning, FeedMode, MovementReason, StockMovement
from tests.connectors.sftp_wms.builders import ORDER, config, interchange
from tests.connectors.sftp_wms.hub import NOW, MiniHub, Taken

MODIFIED = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
NODE = {"node": "DC-EAST"}


def read(stream: str, content: bytes | str, dialect: dict[str, Any] | None = None, **defaults: Any) -> Taken:
    hub = MiniHub(config(FolderConfig(path=".")), ManualClock(NOW))
    hub.dialects[stream], hub.defaults[stream] = dialect or {}, defaults
    data = content.encode() if isinstance(content, str) else content
    return hub.read(FileRef(stream, "file.txt", "file.txt", len(data), MODIFIED), data)


def one(stream: str, content: bytes | str, **defaults: Any) -> Any:
    taken = read(stream, content, **defaults)
    assert taken.faults == []
    (document,) = taken.documents
    return document


def advice(*segments: str) -> bytes:
    return interchange("SW", [("945", list(segments))])


# --- stock -----------------------------------------------------------------------------------------------


def test_a_full_feed_takes_from_the_defaults_what_the_file_does_not_say() -> None:
    feed = one("stock_csv", "sku,quantity\n01234,5\n1e5,0\n", **NODE, meaning="available", zero_omitted=True)
    assert [(line.sku, line.quantity) for line in feed.lines] == [("01234", 5), ("1e5", 0)]
    assert (feed.node, feed.mode, feed.meaning) == ("DC-EAST", FeedMode.FULL, FeedMeaning.AVAILABLE)
    assert feed.zero_omitted
    assert feed.as_of == MODIFIED


def test_a_delta_may_be_negative_and_says_its_own_instant_and_sequence() -> None:
    text = "sku,quantity,as_of,sequence,quarantined,lot,expires_on\nA,-3,2026-11-23T04:00:00-05:00,17,1,L9,2027-01-31\n"
    feed = one("stock_csv", text, **NODE, mode="delta")
    assert feed.mode is FeedMode.DELTA
    assert feed.as_of == datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert feed.sequence == 17
    (line,) = feed.lines
    assert (line.quantity, line.quarantined, line.lot, line.expires_on) == (-3, 1, "L9", date(2027, 1, 31))


def test_a_file_of_two_warehouses_is_refused_rather_than_booked_to_the_first() -> None:
    with pytest.raises(MappingError) as caught:
        read("stock_csv", "node,sku,quantity\nDC-EAST,A,1\nDC-WEST,A,2\n")
    assert caught.value.faults[0].source_path.startswith("$.rows[1]")


def test_other_column_names_are_declared_by_position() -> None:
    dialect = {
        "skip_lines": 1,
        "header": False,
        "delimiter": ";",
        "columns": [{"name": "sku"}, {"name": "quantity", "kind": "integer"}],
    }
    feed = read("stock_csv", "Artikel;Bestand\nX;7\n", dialect, **NODE).documents[0]
    assert [(line.sku, line.quantity) for line in feed.lines] == [("X", 7)]


def test_fixed_width_is_read_by_bytes() -> None:
    columns = [{"name": "sku", "width": 8}, {"name": "name", "width": 6}, {"name": "quantity", "width": 5}]
    dialect = {"encoding": "shift_jis", "records": [{"columns": columns}]}
    content = b"01234   " + "茶碗".encode("shift_jis") + b"  00012\n"
    feed = read("stock_fixed", content, dialect, **NODE).documents[0]
    assert [(line.sku, line.quantity) for line in feed.lines] == [("01234", 12)]


@pytest.mark.parametrize(("meaning", "quantity"), [("physical", 12), ("available", 9)])
def test_an_846_gives_the_quantity_of_the_declared_meaning(meaning: str, quantity: int) -> None:
    content = interchange(
        "IB",
        [
            (
                "846",
                [
                    "BIA*00*DD*STOCK7*20261123*0830",
                    "N1*WH**91*DC-EAST",
                    "LIN*1*UP*400638133393*VN*01234",
                    "QTY*17*12*EA",
                    "QTY*33*9*EA",
                    "QTY*QH*2*EA",
                    "CTT*1",
                ],
            )
        ],
    )
    feed = one("stock_846", content, meaning=meaning, utc_offset="-0500")
    assert feed.as_of == datetime(2026, 11, 23, 13, 30, tzinfo=UTC)
    assert feed.node == "DC-EAST"
    assert [(line.sku, line.quantity, line.quarantined) for line in feed.lines] == [("01234", quantity, 2)]


# --- shipments ---------------------------------------------------------------------------------------------


HEADER = (f"W06*N*{ORDER}*20261123*BOL1", "G62*11*20261124*W*1530", "W27*U*UPSN*GROUND")


def test_an_advice_without_carton_marks_is_one_parcel() -> None:
    shipment = one(
        "advice_945",
        advice(
            *HEADER[:1],
            "N9*2I*1Z999",
            *HEADER[1:],
            "LX*1",
            "W12*CC*2*2**EA**VN*01234*LOT1",
            f"N9*LI*{ORDER}-1",
            "N9*SE*S1",
            "N9*SE*S2",
            "W03*2*3.5*KG",
        ),
        utc_offset="-0500",
    )
    assert isinstance(shipment, Shipment)
    assert shipment.fulfilment_order == ORDER
    assert shipment.external_id == "BOL1"
    assert shipment.shipped_at == datetime(2026, 11, 24, 20, 30, tzinfo=UTC)
    assert (shipment.carrier, shipment.service, shipment.final) == ("UPSN", "GROUND", True)
    (parcel,) = shipment.parcels
    assert parcel.tracking_number == "1Z999"
    assert parcel.weight is not None
    assert parcel.weight.grams == Decimal(3500)
    (line,) = parcel.lines
    assert (line.line, line.sku, line.quantity, line.lot) == (f"{ORDER}-1", "01234", 2, "LOT1")
    assert line.serial_numbers == ("S1", "S2")


@pytest.mark.parametrize("told", ["153007", "15300799"])
def test_an_advice_tells_the_second_where_it_has_one(told: str) -> None:
    header = (HEADER[0], f"G62*11*20261124*W*{told}", HEADER[2])
    shipment = one("advice_945", advice(*header, "LX*1", "W12*CC*2*2**EA**VN*01234", f"N9*LI*{ORDER}-1"))
    assert isinstance(shipment, Shipment)
    assert shipment.shipped_at == datetime(2026, 11, 24, 15, 30, 7, tzinfo=UTC)


SSCC = "003400000000000011"


@pytest.mark.parametrize("place", ["loop", "line"])
def test_carton_marks_make_parcels_wherever_they_stand(place: str) -> None:
    def item(number: int, mark: str, sku: str) -> list[str]:
        marks = [f"MAN*CP*{mark}"]
        line = [f"W12*CC*1*1**EA**VN*{sku}"]
        return [f"LX*{number}", *(marks + line if place == "loop" else line + marks)]

    shipment = one(
        "advice_945", advice(*HEADER, *item(1, "1Z1", "A"), *item(2, "1Z2", "A"), *item(3, "1Z1", "B"))
    )
    found = {p.tracking_number: [(line.sku, line.quantity) for line in p.lines] for p in shipment.parcels}
    assert found == {"1Z1": [("A", 1), ("B", 1)], "1Z2": [("A", 1)]}


def test_a_pallet_mark_is_the_sscc_and_the_tracking_number_that_of_the_header() -> None:
    shipment = one(
        "advice_945",
        advice(HEADER[0], "N9*CN*PRO55", *HEADER[1:], "LX*1", f"MAN*GM*00{SSCC}", "W12*CC*1*1**EA**VN*A"),
    )
    (parcel,) = shipment.parcels
    assert (parcel.sscc, parcel.tracking_number) == (SSCC, "PRO55")


def test_a_short_line_is_final_unless_more_is_said_to_follow() -> None:
    short = one(
        "advice_945", advice(*HEADER, "LX*1", "W12*CP*2*1*1*EA**VN*A", "LX*2", "W12*CP*1*0*1*EA**VN*B")
    )
    assert short.final
    assert [(line.sku, line.quantity) for line in short.parcels[0].lines] == [("A", 1)]
    partial = one("advice_945", advice(*HEADER, "LX*1", "W12*BP*2*1*1*EA**VN*A"))
    assert not partial.final


def test_nothing_shipped_is_a_shipment_of_nothing() -> None:
    empty = one("advice_945", advice(*HEADER, "LX*1", "W12*CP*2*0*2*EA**VN*A"))
    assert [parcel.lines for parcel in empty.parcels] == [()]


def test_the_warehouses_own_line_numbers_are_not_taken_for_ours() -> None:
    shipment = one("advice_945", advice(*HEADER, "LX*1", "W12*CC*1*1**EA**VN*A", "N9*LI*000010"))
    assert shipment.parcels[0].lines[0].line is None


def test_our_sku_is_found_in_any_pair() -> None:
    shipment = one("advice_945", advice(*HEADER, "LX*1", "W12*CC*1*1**EA**UP*400638133393*********VN*01234"))
    assert shipment.parcels[0].lines[0].sku == "01234"


@pytest.mark.parametrize(
    ("segments", "path"),
    [
        (("LX*1", "W12*CC*5*5**CA**VN*A"), ".05"),
        (("LX*1", "W12*CC*5*1.5**EA**VN*A"), ".03"),
        (("LX*1", "W12*CC*5*5**EA"), ""),
    ],
)
def test_what_can_not_be_counted_is_refused_with_its_place(segments: tuple[str, ...], path: str) -> None:
    with pytest.raises(MappingError) as caught:
        read("advice_945", advice(*HEADER, *segments))
    assert [fault.source_path for fault in caught.value.faults] == [f"$.LX[0].W12[0]{path}"]


def test_rows_become_shipments_with_parcels() -> None:
    text = (
        "order,shipment,shipped_at,carrier,parcel,tracking_number,sku,quantity,line,final\n"
        f"{ORDER},S1,2026-11-23T15:00:00Z,UPSN,1,1Z1,A,1,{ORDER}-1,Y\n"
        f"{ORDER},S1,2026-11-23T15:00:00Z,UPSN,2,1Z2,A,1,{ORDER}-1,Y\n"
        f"{ORDER},S1,2026-11-23T15:00:00Z,UPSN,1,1Z1,B,2,,Y\n"
        f"{ORDER},S1,2026-11-23T15:00:00Z,UPSN,1,1Z1,C,0,,Y\n"
        "F2,S2,2026-11-23T15:00:00Z,,,,A,1,,N\n"
    )
    first, second = read("advice_csv", text).documents
    found = {p.tracking_number: [(line.sku, line.quantity) for line in p.lines] for p in first.parcels}
    assert found == {"1Z1": [("A", 1), ("B", 2)], "1Z2": [("A", 1)]}
    assert (second.fulfilment_order, second.final, second.parcels[0].tracking_number) == ("F2", False, None)


# --- responses, movements, receipts, acknowledgements ---------------------------------------------------------


def test_rows_become_responses() -> None:
    text = (
        "order,status,occurred_at,sku,quantity,reason\n"
        "F1,Accepted,2026-11-23T15:00:00Z,,,\n"
        "F2,SHORT,2026-11-23T15:01:00Z,A,2,not found\n"
        "F2,SHORT,2026-11-23T15:01:00Z,B,1,damaged\n"
        "F3,cancelled,,,,\n"
    )
    accepted, short, cancelled = read("response_csv", text).documents
    assert (accepted.kind, accepted.lines) == (ResponseKind.ACCEPTED, ())
    assert [(line.sku, line.quantity, line.reason) for line in short.lines] == [
        ("A", 2, "not found"),
        ("B", 1, "damaged"),
    ]
    assert cancelled.occurred_at == MODIFIED
    assert len({accepted.external_id, short.external_id, cancelled.external_id}) == 3


def test_an_unknown_status_is_refused_with_what_there_is() -> None:
    with pytest.raises(MappingError) as caught:
        read("response_csv", "order,status\nF1,lost\n")
    assert "lost" in str(caught.value)


def movement(*segments: str) -> StockMovement:
    content = interchange("AW", [("947", ["W15*20261123*ADJ7*OUR1", "N1*WH**91*DC-EAST", *segments])])
    found = one("movement_947", content)
    assert isinstance(found, StockMovement)
    return found


@pytest.mark.parametrize(
    ("code", "given", "reason", "quantity"),
    [
        ("AA", "-3", MovementReason.ADJUSTED, -3),
        ("AA", "3", MovementReason.ADJUSTED, 3),
        ("06", "3", MovementReason.ADJUSTED, -3),
        ("06", "-3", MovementReason.ADJUSTED, -3),
        ("56", "3", MovementReason.ADJUSTED, 3),
        ("05", "3", MovementReason.QUARANTINED, 3),
        ("55", "3", MovementReason.RELEASED, 3),
        ("AU", "-3", MovementReason.DAMAGED, 3),
        ("CR", "3", MovementReason.RETURNED, 3),
    ],
)
def test_the_reason_of_an_adjustment_gives_its_direction(
    code: str, given: str, reason: MovementReason, quantity: int
) -> None:
    found = movement(f"W19*{code}*{given}*EA**VN*01234**** LOT".replace("**** LOT", "***LOT"))
    (line,) = found.lines
    assert (line.sku, line.reason, line.quantity, line.lot) == ("01234", reason, quantity, "LOT")
    assert (found.external_id, found.node) == ("ADJ7", "DC-EAST")


def test_adjustments_in_loops_are_read_too() -> None:
    found = movement("LX*1", "W19*AA*1*EA**VN*A", "LX*2", "W19*AA*2*EA**VN*B")
    assert [(line.sku, line.quantity) for line in found.lines] == [("A", 1), ("B", 2)]


def test_an_adjustment_whose_direction_nobody_knows_is_refused() -> None:
    with pytest.raises(MappingError, match="AG"):
        movement("W19*AG*1*EA**VN*A")


@pytest.mark.parametrize(("kind", "reason"), [("F", MovementReason.RECEIVED), ("C", MovementReason.RETURNED)])
@pytest.mark.parametrize("loop", [True, False])
def test_a_receipt_comes_in_whole_and_its_damages_are_taken_off(
    kind: str, reason: MovementReason, *, loop: bool
) -> None:
    content = interchange(
        "RE",
        [
            (
                "944",
                [
                    f"W17*{kind}*20261123*R77*PO1*SHIP9*W*1015",
                    "N1*WH**91*DC-EAST",
                    *(["LX*1"] if loop else []),
                    "W07*10*EA**UP*400638133393*VN*01234*LOT1",
                    "W13*2*EA*01",
                    "W13*1*EA*09",
                    "W13*1*EA*02",
                    "W14*10",
                ],
            )
        ],
    )
    found = one("receipt_944", content)
    assert found.occurred_at == datetime(2026, 11, 23, 10, 15, tzinfo=UTC)
    assert [(line.sku, line.reason, line.quantity) for line in found.lines] == [
        ("01234", reason, 10),
        ("01234", MovementReason.DAMAGED, 2),
        ("01234", MovementReason.QUARANTINED, 1),
    ]
    assert {(one.kind, one.value) for one in found.references} == {
        ("depositor_order", "PO1"),
        ("shipment", "SHIP9"),
    }
