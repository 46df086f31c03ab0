"""An order made to show something: from the facts that conditions name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from crossdock.routing.formulas import Value
from crossdock.routing.model import Address, Demand, DemandLine, Destination, Position

__all__ = ["demand_of", "described"]

_LISTED = re.compile(r'^"([^"\\]*)" in order\.(tags|restrictions)$')
_MOST_LINES = 1000


def demand_of(
    case: Mapping[str, Value],
    channels: Mapping[str, str],
    countries: Sequence[str],
    currencies: Sequence[str],
) -> Demand | None:
    """An order with the facts of ``case``; None if there can't be one, such as of fewer units than lines.

    Whoever asks has to look whether the order is what was wanted: questions that were not understood are not answered.
    """
    count = int(_number(case, "line_count", 1))
    units = int(_number(case, "units", count))
    value, weight_kg = _number(case, "value", 0), _number(case, "weight_kg", 0)
    if not 1 <= count <= min(units, _MOST_LINES) or value < 0 or weight_kg < 0:
        return None
    channel = str(case.get("channel") or next(iter(channels), "shop"))
    restrictions = _listed(case, "restrictions")
    quantity = units - count + 1
    worth, grams = Decimal(str(value)) / quantity, round(weight_kg * 1000 / quantity)
    lines = [DemandLine("1", "SKU-1", quantity, worth, grams, restrictions=restrictions)]
    lines += [DemandLine(str(number), f"SKU-{number}", 1) for number in range(2, count + 1)]
    return Demand(
        order_id="example",
        channel=channel,
        channel_kind=str(case.get("channel_kind") or channels.get(channel, "web")),
        currency=str(case.get("currency") or next(iter(currencies), "USD")),
        lines=tuple(lines),
        destination=Destination(
            Address(
                str(case.get("country") or next(iter(countries), "US")),
                str(case.get("region", "")),
                str(case.get("postal_code", "")),
            ),
            Position(0.0, 0.0),
        ),
        service_level=str(case.get("service_level", "")),
        priority=int(_number(case, "priority", 0)),
        tags=_listed(case, "tags"),
        pick_up=case.get("order.pick_up") is True,
    )


def described(demand: Demand) -> str:
    """An order in words."""
    address = demand.destination.address
    place = address.region or address.country
    lines = len(demand.lines)
    worth = sum((line.unit_value * line.quantity for line in demand.lines), Decimal(0))
    weight = sum(line.unit_weight_grams * line.quantity for line in demand.lines)
    facts = [
        f"an order of channel {demand.channel} ({demand.channel_kind})",
        f"to {place}{f' {address.postal_code}' if address.postal_code else ''}",
        f"{lines} line{'s' if lines > 1 else ''} with {sum(line.quantity for line in demand.lines)} units",
        *([f"worth {worth.normalize():f} {demand.currency}"] if worth else [f"in {demand.currency}"]),
        *([f"of {weight} g"] if weight else []),
        *([f"priority {demand.priority}"] if demand.priority else []),
        *([f"service level {demand.service_level}"] if demand.service_level else []),
        *([f"tags {', '.join(demand.tags)}"] if demand.tags else []),
        *([f"restrictions {', '.join(r)}"] if (r := demand.lines[0].restrictions) else []),
        *(["picked up"] if demand.pick_up else []),
    ]
    return ", ".join(facts)


def _number(case: Mapping[str, Value], fact: str, otherwise: float) -> float:
    value = case.get(fact)
    return otherwise if value is None else float(value)


def _listed(case: Mapping[str, Value], fact: str) -> tuple[str, ...]:
    """The texts that the list has to hold."""
    found = [(match, answer) for text, answer in case.items() if (match := _LISTED.match(text))]
    return tuple(sorted(match[1] for match, answer in found if match[2] == fact and answer is True))
