"""A carrier's tariff as a CSV file: zone by weight, with surcharges and transit days (docs/formats.md).

Read by the configuration, for routing, and by carriers without an API, for labels, so that both count alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Final

from crossdock.sdk.errors import MisconfiguredError, RecordRejectedError
from crossdock.sdk.formats.delimited import CsvFormat
from crossdock.sdk.formats.dialects import Column
from crossdock.sdk.formats.named import format_named
from crossdock.sdk.formats.records import RecordFault
from crossdock.sdk.formats.values import reader

__all__ = ["SheetPostalZone", "SheetSurcharge", "TariffSheet", "load_tariff_sheet", "read_tariff_sheet"]

_GRAMS: Final = {
    "up_to_grams": Decimal(1),
    "up_to_kilograms": Decimal(1000),
    "up_to_pounds": Decimal("453.59237"),
}
_SINGLE: Final = ("currency", "dim_divisor_cm3_per_kg", "distance_km", "transit_days")
_SURCHARGES: Final = ("surcharge_percent", "surcharge_amount", "restriction_amount")
_KINDS: Final = (*_SINGLE, *_GRAMS, *_SURCHARGES, "postal_zone")


@dataclass(frozen=True, slots=True)
class SheetSurcharge:
    """An addition to each parcel; ``restriction``: only to those that hold products with it."""

    name: str
    percent: Decimal = Decimal(0)
    amount: Decimal = Decimal(0)
    restriction: str = ""


@dataclass(frozen=True, slots=True)
class SheetPostalZone:
    """The zone between two prefixes of post codes; an empty ``origin_prefix`` is any."""

    destination_prefix: str
    zone: int
    origin_prefix: str = ""


@dataclass(frozen=True, slots=True)
class TariffSheet:
    """One tariff.

    Attributes:
        weight_breaks_grams: Upper bounds of the weight steps, ascending.
        rates: One row a zone, one amount a weight step.
        transit_days: One a zone; empty where the sheet does not say.
        distance_bands_km: Upper bounds of the zones by distance; a zone more than bands is open.
        dim_divisor_cm3_per_kg: 0: dimensional weight does not count.
    """

    currency: str
    weight_breaks_grams: tuple[int, ...]
    rates: tuple[tuple[Decimal, ...], ...]
    transit_days: tuple[int, ...] = ()
    distance_bands_km: tuple[Decimal, ...] = ()
    postal_zones: tuple[SheetPostalZone, ...] = ()
    dim_divisor_cm3_per_kg: int = 0
    surcharges: tuple[SheetSurcharge, ...] = ()


def load_tariff_sheet(path: Path, dialect: Mapping[str, object] | None = None) -> TariffSheet:
    """Read the file at ``path``; ``dialect`` as of ``read_tariff_sheet``.

    Raises:
        MisconfiguredError: It can't be read, or holds mistakes: all of them, each with line and column.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MisconfiguredError(f"{path}: the tariff can't be read: {error.strerror}") from error
    return read_tariff_sheet(content, str(path), dialect)


def read_tariff_sheet(content: bytes, name: str, dialect: Mapping[str, object] | None = None) -> TariffSheet:
    """Read a tariff; ``name`` of the file is for messages, ``dialect`` is that of a CSV file (docs/formats.md).

    Raises:
        MisconfiguredError: With all mistakes, each with line and column; or the dialect is none.
    """
    sheet = format_named("csv", dialect)
    assert isinstance(sheet, CsvFormat)
    reading = _Reading(name, sheet)
    for line, row in reading.rows(content):
        reading.take(line, row)
    return reading.finish()


@dataclass(slots=True)
class _Reading:
    name: str
    sheet: CsvFormat
    faults: list[str] = field(default_factory=list)
    zones: int = -1
    single: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    steps: list[tuple[int, int, list[Decimal]]] = field(default_factory=list)
    surcharges: list[SheetSurcharge] = field(default_factory=list)
    postal_zones: list[tuple[int, SheetPostalZone]] = field(default_factory=list)

    def rows(self, content: bytes) -> Iterator[tuple[int, dict[str, str]]]:
        """Line and fields of each row; what can't be read becomes a fault."""
        try:
            for frame in self.sheet.frames([content]):
                for record in self.sheet.parse(frame):
                    if isinstance(record.value, RecordFault):
                        rejections = (record.value.rejection, *record.value.others)
                        self.faults += [f"{each.path}: {each.message}" for each in rejections]
                    else:
                        row = {name: str(text or "").strip() for name, text in record.value.items()}
                        if any(row.values()):
                            yield record.line, row
        except RecordRejectedError as error:
            self.faults += [f"{each.path or 'line 1'}: {each.message}" for each in error.rejections]

    def fault(self, line: int, column: str, message: str) -> None:
        """Keep a mistake."""
        self.faults.append(f"line {line}, column {column}: {message}")

    def take(self, line: int, row: dict[str, str]) -> None:
        """Sort a row by what it says."""
        if self.zones < 0 and not self._header(row):
            return
        what = row.get("what", "")
        zones = [row[f"zone_{zone}"] for zone in range(self.zones)]
        if what in _GRAMS:
            self._step(line, row["name"], _GRAMS[what], zones)
        elif what in _SURCHARGES:
            self._surcharge(line, what, row)
        elif what == "postal_zone":
            self._postal_zone(line, row)
        elif what in _SINGLE and what not in self.single:
            self.single[what] = (line, [row["value"]] if what in _SINGLE[:2] else zones)
        elif what in _SINGLE:
            self.fault(line, "what", f"{what} stands in line {self.single[what][0]} already")
        else:
            self.fault(line, "what", f"{what!r} is not known; there are: {', '.join(_KINDS)}")

    def _header(self, row: dict[str, str]) -> bool:
        """Take the number of zones from the columns of the first row."""
        self.zones = sum(name.startswith("zone_") for name in row)
        wanted = ["what", "name", "value", *(f"zone_{zone}" for zone in range(max(self.zones, 1)))]
        if missing := [name for name in wanted if name not in row]:
            message = (
                f"missing columns: {', '.join(missing)}; wanted are what, name, value, zone_0, zone_1, ..."
            )
            if message not in self.faults:
                self.faults.append(message)
            self.zones = -1
        return not missing

    def number(self, line: int, column: str, text: str) -> Decimal | None:
        """A decimal in the dialect's signs."""
        read = reader(Column(name=column, kind="decimal"), self.sheet.dialect)
        assert read is not None
        try:
            value = read(text)
        except ValueError as error:
            self.fault(line, column, str(error))
            return None
        if value is None:
            self.fault(line, column, "nothing here; write a number")
        elif isinstance(value, Decimal) and value < 0:
            self.fault(line, column, f"{text} is below zero")
        return value if isinstance(value, Decimal) and value >= 0 else None

    def whole(self, line: int, column: str, text: str) -> int | None:
        """A whole number."""
        number = self.number(line, column, text)
        if number is not None and number != number.to_integral_value():
            self.fault(line, column, f"{text} is not a whole number")
        return None if number is None else int(number)

    def _step(self, line: int, text: str, factor: Decimal, zones: list[str]) -> None:
        bound = self.number(line, "name", text)
        amounts = [self.number(line, f"zone_{zone}", amount) for zone, amount in enumerate(zones)]
        found = [amount for amount in amounts if amount is not None]
        if bound is None or len(found) < len(amounts):
            return
        grams = int(bound * factor)
        if (self.steps and grams <= self.steps[-1][1]) or grams <= 0:
            self.fault(
                line,
                "name",
                f"{text} is not above the step before; write the weight steps in ascending order",
            )
        self.steps.append((line, grams, found))

    def _surcharge(self, line: int, what: str, row: dict[str, str]) -> None:
        value = self.number(line, "value", row["value"])
        if not row["name"]:
            self.fault(line, "name", "name the surcharge, or the restriction that it is for")
        elif value is not None:
            self.surcharges.append(
                SheetSurcharge(
                    row["name"],
                    percent=value if what == "surcharge_percent" else Decimal(0),
                    amount=Decimal(0) if what == "surcharge_percent" else value,
                    restriction=row["name"] if what == "restriction_amount" else "",
                )
            )

    def _postal_zone(self, line: int, row: dict[str, str]) -> None:
        zone = self.whole(line, "value", row["value"])
        if zone is None:
            return
        if zone >= self.zones:
            self.fault(line, "value", f"there is no zone {zone}; the columns end with zone_{self.zones - 1}")
        origin, arrow, destination = row["name"].rpartition(">")
        if (arrow and not origin) or not destination:
            self.fault(line, "name", "write a prefix of post codes, or two: 606>100 is from 606 to 100")
        self.postal_zones.append((line, SheetPostalZone(destination.strip(), zone, origin.strip())))

    def finish(self) -> TariffSheet:
        """The sheet, or all mistakes at once."""
        if not self.steps and not self.faults:
            self.faults.append("there is no rate; write rows `up_to_grams`, one a weight step")
        line, texts = self.single.get("currency", (0, ["USD"]))
        currency = texts[0].upper()
        if len(currency) != 3 or not currency.isalpha():
            self.fault(line, "value", f"{texts[0]!r} is no ISO 4217 currency code such as USD")
        line, texts = self.single.get("dim_divisor_cm3_per_kg", (0, ["0"]))
        divisor = self.whole(line, "value", texts[0])
        transit_days = self._transit_days()
        bands = self._bands()
        if self.faults:
            raise MisconfiguredError("\n".join(f"{self.name}: {each}" for each in self.faults))
        return TariffSheet(
            currency=currency,
            weight_breaks_grams=tuple(grams for _, grams, _ in self.steps),
            rates=tuple(zip(*(amounts for _, _, amounts in self.steps), strict=True)),
            transit_days=transit_days,
            distance_bands_km=bands,
            postal_zones=tuple(zone for _, zone in self.postal_zones),
            dim_divisor_cm3_per_kg=divisor or 0,
            surcharges=tuple(self.surcharges),
        )

    def _transit_days(self) -> tuple[int, ...]:
        line, texts = self.single.get("transit_days", (0, []))
        days = [self.whole(line, f"zone_{zone}", text) for zone, text in enumerate(texts)]
        return tuple(day for day in days if day is not None)

    def _bands(self) -> tuple[Decimal, ...]:
        line, texts = self.single.get("distance_km", (0, []))
        while texts and not texts[-1]:
            texts = texts[:-1]
        found = [self.number(line, f"zone_{zone}", text) for zone, text in enumerate(texts)]
        bands = [band for band in found if band is not None]
        for zone, (nearer, farther) in enumerate(pairwise(bands), start=1):
            if farther <= nearer:
                self.fault(
                    line, f"zone_{zone}", f"{farther} is not above {nearer}; distances ascend with the zones"
                )
        return tuple(bands)
