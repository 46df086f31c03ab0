"""Dates and instants: read in the partner's format and zone, written in ours, and back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crossdock.mapping.faults import ValueFault
from crossdock.mapping.options import Convert, OptionError, Options
from crossdock.mapping.paths import Value, kind_of
from crossdock.mapping.values import scalar, to_decimal, write_instant

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_UNITS: Final = {"epoch_seconds": Decimal(1), "epoch_milliseconds": Decimal(1000)}


def _zone(options: Options) -> ZoneInfo | None:
    if (name := options.get("zone")) is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise OptionError(f"{name!r} is not a time zone; write one such as America/Chicago") from error


def _epoch(value: Value, units: Decimal) -> datetime:
    seconds = to_decimal(value) / units
    try:
        return _EPOCH + timedelta(microseconds=int(seconds * 1_000_000))
    except OverflowError as error:
        raise ValueFault(
            "type", "this many seconds from 1970 is no instant; seconds or milliseconds?"
        ) from error


def _parse_datetime(value: Value, format_: str) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and format_ != "iso":
        value = str(value)
    if not isinstance(value, str):
        scalar(value)
        raise ValueFault("type", f"expected a date or instant as text, but found {kind_of(value)}")
    try:
        return datetime.fromisoformat(value) if format_ == "iso" else datetime.strptime(value, format_)  # noqa: DTZ007
    except ValueError as error:
        form = "ISO 8601 (2026-03-01T12:00:00Z)" if format_ == "iso" else f"the format {format_}"
        raise ValueFault("type", f"not in {form}; state the partner's 'format' in 'as'") from error


def _localise(value: datetime, zone: ZoneInfo | None) -> datetime:
    if value.tzinfo is not None:
        return value
    if zone is None:
        raise ValueFault(
            "type",
            (
                "the instant has no offset from UTC; say in which zone it is: 'as: "
                "{type: instant, zone: Area/City}'"
            ),
        )
    local = value.replace(tzinfo=zone)
    if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != value:
        raise ValueFault(
            "type", f"this local time does not exist in {zone.key}: clocks were put forward over it"
        )
    return local


def _reader(options: Options) -> Callable[[Value], datetime]:
    format_, zone = options.get("format", "iso"), _zone(options)
    if (units := _EPOCH_UNITS.get(format_)) is not None:
        return lambda value: _epoch(value, units)
    return lambda value: _localise(_parse_datetime(value, format_), zone)


def instant_converter(options: Options) -> Convert:
    """Make the function for ``as: instant``: to ISO 8601 in UTC with Z."""
    read = _reader(options)
    return lambda value: write_instant(read(value))


def date_converter(options: Options) -> Convert:
    """Make the function for ``as: date``: to ISO 8601."""
    format_, zone = options.get("format", "iso"), _zone(options)
    read = _reader(options)

    def to_date(value: Value) -> str:
        if isinstance(value, date) and not isinstance(value, datetime):
            return value.isoformat()
        if zone is not None:
            return read(value).astimezone(zone).date().isoformat()
        parsed = _parse_datetime(value, format_)
        if isinstance(value, datetime) or parsed.tzinfo is not None:
            raise ValueFault(
                "type", "an instant has no date without a zone; say 'as: {type: date, zone: Area/City}'"
            )
        return parsed.date().isoformat()

    return to_date


def str_from_time(options: Options) -> Convert:
    """Make the function for ``as: {type: str, from: instant}`` and ``from: date``."""
    format_, zone = options.get("format", "iso"), _zone(options)
    if options["from"] == "date":
        to_date = date_converter({"zone": options["zone"]} if zone else {})
        return lambda value: (
            to_date(value) if format_ == "iso" else date.fromisoformat(to_date(value)).strftime(format_)
        )
    target = zone or UTC

    def write(value: Value) -> str:
        moment = _localise(_parse_datetime(value, "iso"), None).astimezone(target)
        if format_ in _EPOCH_UNITS:
            seconds = (moment - _EPOCH) // timedelta(microseconds=1)
            return str(int(seconds * _EPOCH_UNITS[format_] / 1_000_000))
        return moment.isoformat() if format_ == "iso" else moment.strftime(format_)

    return write
