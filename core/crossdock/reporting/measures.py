"""The five KPIs as they are shown: title, unit, value, and what the value was computed from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from crossdock.store.queries.kpi_report import Group, Kpis, Mean, Median, Ratio

__all__ = ["MEASURES", "Measure", "label"]

_Counted = Ratio | Mean | Median | None


@dataclass(frozen=True, slots=True)
class Measure:
    """One KPI.

    Attributes:
        name: As programs call it.
        title: As people call it.
        meaning: What it is, in a few words.
        of: Takes it from the five.
    """

    name: str
    title: str
    meaning: str
    of: Callable[[Kpis], _Counted]

    def value(self, kpis: Kpis) -> Decimal | None:
        """The number that is drawn: per cent, money or hours; None where there is none."""
        counted = self.of(kpis)
        if isinstance(counted, Ratio):
            return None if counted.share is None else counted.share * 100
        return None if counted is None else counted.value

    def unit(self, currency: str) -> str:
        """Of ``value``."""
        return {"cost_to_serve": currency, "cycle_time_hours": "h"}.get(self.name, "%")

    def text(self, kpis: Kpis, currency: str) -> str:
        """The value with its unit; empty where there is none."""
        value = self.value(kpis)
        return "" if value is None else f"{value:.2f} {self.unit(currency)}"

    def basis(self, kpis: Kpis) -> str:
        """What the value was computed from; empty where the KPI has no meaning."""
        match self.of(kpis):
            case Ratio(part, whole):
                return f"{part} of {whole}"
            case Mean(total, orders):
                return f"{total:.2f} over {orders} orders"
            case Median(orders):
                return f"{orders} orders"
            case None:
                return ""


MEASURES = (
    Measure(
        "routing_accuracy",
        "Routing accuracy",
        "shipped whole where first asked",
        lambda k: k.routing_accuracy,
    ),
    Measure(
        "cost_to_serve", "Cost to serve", "freight and handling of an order, mean", lambda k: k.cost_to_serve
    ),
    Measure(
        "cycle_time_hours", "Cycle time", "from placed to shipped whole, median", lambda k: k.cycle_time_hours
    ),
    Measure(
        "inventory_accuracy",
        "Inventory accuracy",
        "counted positions as expected",
        lambda k: k.inventory_accuracy,
    ),
    Measure("exception_rate", "Exception rate", "orders that needed a person", lambda k: k.exception_rate),
)


def label(group: Group) -> str:
    """A group for people: its values, or what is missing."""
    return " · ".join(value if value is not None else f"no {name}" for name, value in group.key.items())
