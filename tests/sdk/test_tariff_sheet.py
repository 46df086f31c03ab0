"""Tariff sheets: what is read, and that each mistake is told with its place."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.tariff_sheet import SheetPostalZone, SheetSurcharge, load_tariff_sheet, read_tariff_sheet

SHEET = """\
what,name,value,zone_0,zone_1,zone_2
currency,,EUR,,,
dim_divisor_cm3_per_kg,,5000,,,
distance_km,,,250,800,
transit_days,,,1,2,3
up_to_grams,500,,4.20,4.90,6.10
up_to_kilograms,1,,4.80,5.70,7.40
up_to_pounds,5,,6.00,8.00,9.00

postal_zone,606,0,,,
postal_zone,994>967,2,,,
surcharge_percent,fuel,12.5,,,
surcharge_amount,residential,3.10,,,
restriction_amount,oversize,18.00,,,
"""


def test_a_sheet_is_read() -> None:
    sheet = read_tariff_sheet(SHEET.encode(), "t.csv")
    assert (sheet.currency, sheet.dim_divisor_cm3_per_kg) == ("EUR", 5000)
    assert sheet.weight_breaks_grams == (500, 1000, 2267), "five pounds are 2267.96 grams, and no gram more"
    assert sheet.rates[1] == (Decimal("4.90"), Decimal("5.70"), Decimal("8.00"))
    assert sheet.transit_days == (1, 2, 3)
    assert sheet.distance_bands_km == (Decimal(250), Decimal(800))
    assert sheet.postal_zones == (SheetPostalZone("606", 0), SheetPostalZone("967", 2, "994"))
    assert sheet.surcharges == (
        SheetSurcharge("fuel", percent=Decimal("12.5")),
        SheetSurcharge("residential", amount=Decimal("3.10")),
        SheetSurcharge("oversize", amount=Decimal(18), restriction="oversize"),
    )


def test_the_smallest_sheet() -> None:
    sheet = read_tariff_sheet(b"what,name,value,zone_0\nup_to_grams,1000,,5\n", "t.csv")
    assert (sheet.currency, sheet.rates, sheet.transit_days) == ("USD", ((Decimal(5),),), ())


def test_the_dialect_is_declared(tmp_path: Path) -> None:
    dialect = {"delimiter": ";", "decimal_sign": ",", "encoding": "cp1252", "thousands_sign": "."}
    path = tmp_path / "t.csv"
    path.write_bytes(
        "what;name;value;zone_0\nup_to_grams;1.000;;4,20\nsurcharge_amount;Zuschläge;1;\n".encode("cp1252")
    )
    sheet = load_tariff_sheet(path, dialect)
    assert (sheet.weight_breaks_grams, sheet.rates) == ((1000,), ((Decimal("4.20"),),))
    assert sheet.surcharges[0].name == "Zuschläge"
    with pytest.raises(MisconfiguredError, match=r"t.csv"):
        load_tariff_sheet(path)
    with pytest.raises(MisconfiguredError, match="the tariff can't be read: No such file"):
        load_tariff_sheet(tmp_path / "other.csv")
    with pytest.raises(MisconfiguredError, match=r"dialect\.delimiter"):
        load_tariff_sheet(path, {"delimiter": ";;"})


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("4.90", '"4,90"', "line 6, column zone_1: '4,90' is not a decimal with '.' as decimal sign"),
        ("4.90", "", "line 6, column zone_1: nothing here; write a number"),
        ("4.90", "-4.90", "line 6, column zone_1: -4.90 is below zero"),
        ("4.90", "4.90,1", "line 6, column 7: the row has 7 fields, 6 are expected"),
        ("up_to_grams,500", "up_to_grams,1000", "line 7, column name: 1 is not above the step before"),
        (
            "up_to_grams,500",
            "up_to_gram,500",
            "line 6, column what: 'up_to_gram' is not known; there are: currency",
        ),
        ("zone_2", "zone_3", "missing columns: zone_2"),
        (",zone_0,zone_1,zone_2", "", "line 2, column 4: the row has 6 fields, 3 are expected"),
        ("postal_zone,606,0", "postal_zone,606,3", "line 10, column value: there is no zone 3"),
        ("postal_zone,606,0", "postal_zone,>606,0", "line 10, column name: write a prefix of post codes"),
        ("250,800,", "250,100,", "line 4, column zone_1: 100 is not above 250"),
        ("1,2,3", "1,2.5,3", "line 5, column zone_1: 2.5 is not a whole number"),
        ("fuel,12.5", ",12.5", "line 12, column name: name the surcharge"),
        ("EUR", "Euro", "line 2, column value: 'Euro' is no ISO 4217 currency code"),
        (
            "dim_divisor_cm3_per_kg,,5000",
            "currency,,USD",
            "line 3, column what: currency stands in line 2 already",
        ),
    ],
)
def test_a_mistake_is_told_with_line_and_column(old: str, new: str, says: str) -> None:
    with pytest.raises(MisconfiguredError) as caught:
        read_tariff_sheet(SHEET.replace(old, new, 1).encode(), "t.csv")
    assert any(line.startswith("t.csv: ") and says in line for line in caught.value.message.splitlines()), (
        caught.value
    )


def test_all_mistakes_are_told_at_once() -> None:
    wrong = SHEET.replace("4.20", "x").replace("7.40", "y").replace("EUR", "")
    with pytest.raises(MisconfiguredError) as caught:
        read_tariff_sheet(wrong.encode(), "t.csv")
    assert [line.split(":")[1].strip() for line in caught.value.message.splitlines()] == [
        "line 6, column zone_0", "line 7, column zone_2", "line 2, column value",
    ]  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"what,name,value,zone_0\n", b"\xff\xfew\x00"])
def test_a_file_without_rates_is_no_tariff(content: bytes) -> None:
    with pytest.raises(MisconfiguredError, match=r"t\.csv: "):
        read_tariff_sheet(content, "t.csv")
