"""Decisions, reports and progress in words."""

from __future__ import annotations

from decimal import Decimal

from crossdock.demo.observer import DecisionSeen
from crossdock.demo.session import Report
from crossdock.routing import Assignment

__all__ = ["decision_words", "json_report", "order_words"]

_MONEY = ("shipping_cost", "handling_cost")


def order_words(order: str) -> str:
    """An order's id, short enough for a narrow screen."""
    connection, _, name = order.partition(":")
    if connection == "shop":
        return f"#{int(name.rpartition('/')[2]) - 5_000_000 + 1000}"
    return name


def decision_words(seen: DecisionSeen) -> str:
    """Where an order goes, for how much, and why there."""
    decision = seen.decision
    parts = [_assignment(each) for each in decision.assignments]
    parts += [f"nobody for {line.quantity} x {line.sku} ({line.reason})" for line in decision.unfilled]
    return " + ".join(parts) + f": {_why(seen)}"


def _assignment(assignment: Assignment) -> str:
    cost = sum((value for term, value in assignment.costs if term in _MONEY), Decimal(0))
    units = sum(line.quantity for line in assignment.lines)
    return f"{assignment.node} {units} by {assignment.service} ${cost:.2f}"


def _why(seen: DecisionSeen) -> str:
    if seen.why not in ("new", "waiting"):
        return f"again, without nodes that refused or fell short ({seen.decision.policy})"
    late = any(
        term == "late_days" and value > 0 for each in seen.decision.assignments for term, value in each.costs
    )
    when = "late, but the least" if late else "in time"
    count = len(seen.decision.assignments)
    return f"{when}, {count} parcel{'s' if count != 1 else ''}, cheapest ({seen.decision.policy})"


def json_report(report: Report) -> dict[str, object]:
    """A report for programs."""
    return {
        "orders": report.settings.orders,
        "seed": report.settings.seed,
        "seconds": round(report.seconds, 1),
        "finished": report.finished,
        "good": report.good,
        "totals": report.totals,
        "kpis": report.kpis,
        "doctor": [
            {"check": each.name, "healthy": each.healthy, "found": each.count} for each in report.findings
        ],
        "reconciliation": [
            {
                "name": each.name,
                "compared": each.compared,
                "agrees": each.agrees,
                "differences": each.differences,
            }
            for each in report.comparisons
        ],
        "troubles": report.troubles,
        "decisions": report.decisions,
    }
