"""Units of quantities (UN/ECE Recommendation 20 codes) and minor units of currencies (ISO 4217)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from crossdock.mapping.faults import ValueFault
from crossdock.mapping.paths import Value

_MASS_IN_KGM: Final = {
    "MGM": "0.000001", "GRM": "0.001", "KGM": "1", "TNE": "1000", "ONZ": "0.028349523125", "LBR": "0.45359237",
}  # fmt: skip
_LENGTH_IN_MTR: Final = {
    "MMT": "0.001", "CMT": "0.01", "DMT": "0.1", "MTR": "1", "INH": "0.0254", "FOT": "0.3048", "YRD": "0.9144",
}  # fmt: skip
_VOLUME_IN_MTQ: Final = {
    "MMQ": "0.000000001", "CMQ": "0.000001", "MLT": "0.000001", "DMQ": "0.001", "LTR": "0.001", "MTQ": "1",
    "INQ": "0.000016387064", "FTQ": "0.028316846592", "GLL": "0.003785411784",
}  # fmt: skip
_COUNT_IN_EA: Final = {"EA": "1", "C62": "1", "H87": "1", "PR": "2", "DZN": "12"}
DIMENSIONS: Final = tuple(
    {unit: Decimal(factor) for unit, factor in table.items()}
    for table in (_MASS_IN_KGM, _LENGTH_IN_MTR, _VOLUME_IN_MTQ, _COUNT_IN_EA)
)
_MINOR_DIGITS: Final = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}
_CURRENCY = re.compile("[A-Z]{3}")


def currency_code(value: Value) -> str:
    """Check the form of an ISO 4217 code; whether it is in use is the canonical schema's question."""
    if isinstance(value, str) and _CURRENCY.fullmatch(value):
        return value
    raise ValueFault("currency", f"expected an ISO 4217 currency such as USD, but found {value!r}")


def minor_digits(currency: str) -> int:
    """Give the decimal places of ``currency``'s minor unit: 2 for USD, 0 for JPY, 3 for KWD."""
    return _MINOR_DIGITS.get(currency, 2)


def convert_quantity(value: Decimal, unit: str, to: str, factors: Mapping[str, Decimal]) -> Decimal:
    """Convert ``value`` from ``unit`` to ``to``.

    Args:
        value: How many of ``unit``.
        unit: The unit found in the document.
        to: The unit wanted.
        factors: How many ``to`` there are in one of each further unit, such as the eaches in a case.

    Raises:
        ValueFault: No factor is known.
    """
    if unit == to:
        return value
    if (factor := factors.get(unit)) is not None:
        return value * factor
    for dimension in DIMENSIONS:
        if unit in dimension and to in dimension:
            return value * dimension[unit] / dimension[to]
    raise ValueFault(
        "unit", f"no factor from unit {unit!r} to {to!r}; add it: 'factors: {{{unit}: {{path: ...}}}}'"
    )
