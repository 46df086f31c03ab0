"""The words that every canonical document shares: money, quantities, addresses, instants, references.

Rules (docs/schemas.md): money is ``Decimal`` with an ISO 4217 currency, quantities carry a unit, instants are
aware UTC, ids are strings. Nothing here accepts a float: JSON writes decimals as strings.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import pycountry
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

__all__ = [
    "Address",
    "Attribute",
    "Canonical",
    "Country",
    "Currency",
    "Dimensions",
    "ExactDecimal",
    "Gtin",
    "Id",
    "Instant",
    "Money",
    "Name",
    "Quantity",
    "Reference",
    "Sku",
    "Text",
    "Units",
    "Weight",
]

_CURRENCIES = frozenset(currency.alpha_3 for currency in pycountry.currencies)
# Not in ISO 3166-1, but used as if they were: Ceuta and Melilla, the Canary Islands (reserved), Kosovo (user-assigned)
_COUNTRIES = frozenset(country.alpha_2 for country in pycountry.countries) | {"EA", "IC", "XK"}


def _currency(code: str) -> str:
    if code not in _CURRENCIES:
        raise ValueError(f"unknown currency {code!r}: use an ISO 4217 code such as USD or EUR")
    return code


def _country(code: str) -> str:
    if code not in _COUNTRIES:
        raise ValueError(f"unknown country {code!r}: use an ISO 3166-1 alpha-2 code such as US or DE")
    return code


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("an instant needs a zone: write 2026-11-23T10:00:00Z or with an offset")
    return instant if instant.tzinfo is UTC else instant.astimezone(UTC)


def _gtin(digits: str) -> str:
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    if total % 10:
        raise ValueError(f"the check digit of GTIN {digits} is wrong (GS1 General Specifications 7.9)")
    return digits


Id = Annotated[str, StringConstraints(min_length=1, max_length=256)]
"""An identifier of somebody: never a number, never trimmed, never empty."""
Name = Annotated[str, StringConstraints(max_length=512)]
Text = Annotated[str, StringConstraints(max_length=65_536)]
Sku = Annotated[str, StringConstraints(min_length=1, max_length=128)]
"""The retailer's stock keeping unit, exactly as written (``1e5`` and ``01234`` are SKUs)."""
Gtin = Annotated[str, StringConstraints(pattern=r"^(\d{8}|\d{12,14})$"), AfterValidator(_gtin)]
"""GTIN-8, -12, -13 or -14 with a right check digit."""
Currency = Annotated[str, AfterValidator(_currency)]
Country = Annotated[str, AfterValidator(_country)]
Instant = Annotated[datetime, AfterValidator(_utc)]
"""A point in time, always aware, always turned to UTC."""
ExactDecimal = Annotated[Decimal, Field(strict=True, allow_inf_nan=False, max_digits=28)]
"""A decimal that never was a float: ``Decimal`` in Python, a string in JSON."""
Units = Annotated[int, Field(strict=True, ge=0, le=2_000_000_000)]
"""A count of a SKU's base units."""


class Canonical(BaseModel):
    """A canonical document or a part of one: immutable, and strict about unknown fields."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, ser_json_inf_nan="constants"
    )


class Money(Canonical):
    """An amount in a currency."""

    amount: ExactDecimal
    currency: Currency


class Quantity(Canonical):
    """A quantity with its unit of measure (UN/ECE Recommendation 20 code, ``EA`` for each)."""

    value: ExactDecimal
    unit: Annotated[str, StringConstraints(min_length=1, max_length=8)] = "EA"


class Weight(Canonical):
    """A weight; the mapping converts to grams."""

    grams: Annotated[ExactDecimal, Field(ge=0)]


class Dimensions(Canonical):
    """Outer size in millimetres, longest side first where the source does not say."""

    length_mm: Annotated[ExactDecimal, Field(ge=0)]
    width_mm: Annotated[ExactDecimal, Field(ge=0)]
    height_mm: Annotated[ExactDecimal, Field(ge=0)]


class Reference(Canonical):
    """An id that somebody else uses for this thing, such as ``{kind: purchase_order, value: PO-77}``."""

    kind: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    value: Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class Attribute(Canonical):
    """A named value that Crossdock carries but does not interpret."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    value: Text


class Address(Canonical):
    """A postal address with the person to ask for. Every part is as the sender wrote it."""

    name: Name | None = None
    company: Name | None = None
    lines: tuple[Name, ...] = ()
    """Street lines, in order."""
    district: Name | None = None
    city: Name | None = None
    region: Name | None = None
    """State or province, as an ISO 3166-2 suffix where known (``CA``, ``NY``)."""
    postal_code: Annotated[str, StringConstraints(max_length=32)] | None = None
    country: Country
    phone: Name | None = None
    email: Name | None = None
    latitude: Annotated[ExactDecimal, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[ExactDecimal, Field(ge=-180, le=180)] | None = None
    residential: bool | None = None
    gln: Annotated[str, StringConstraints(pattern=r"^\d{13}$")] | None = None
    """GS1 Global Location Number."""
    instructions: Text | None = None
