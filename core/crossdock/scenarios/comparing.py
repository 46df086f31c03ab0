"""What of a decision is not as a scenario expects it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from crossdock.routing import Assignment
from crossdock.scenarios.model import Expectation, ExpectedShipment
from crossdock.trying.deciding import TriedDestination

__all__ = ["Difference", "differences"]

Path = tuple[str | int, ...]
Difference = tuple[Path, str]
"""Where in the expectation, and what differs."""


def differences(expected: Expectation, found: Sequence[TriedDestination]) -> list[Difference]:
    """Compare; several destinations of an order are taken together."""
    return [
        *_refused(expected, found),
        *_policy(expected, found),
        *_shipments(expected, found),
        *_not_placed(expected, found),
        *_candidates(expected, found),
    ]


def _refused(expected: Expectation, found: Sequence[TriedDestination]) -> Iterator[Difference]:
    reasons = "; ".join(each.refused for each in found if each.refused)
    if expected.refused is None and reasons:
        yield (), f"routing could not be asked: {reasons}"
    elif expected.refused is not None and expected.refused not in reasons:
        yield ("refused",), f"expected {expected.refused!r}, found {reasons or 'that routing was asked'!r}"


def _policy(expected: Expectation, found: Sequence[TriedDestination]) -> Iterator[Difference]:
    for each in found:
        decision = each.decision
        if decision is None:
            continue
        name = decision.policy or "none"
        if expected.policy is not None and expected.policy not in (
            name,
            f"{name}@{decision.policy_version}",
        ):
            version = f"@{decision.policy_version}" if decision.policy else ""
            yield ("policy",), f"expected {expected.policy}, found {name}{version}"
        if expected.given_up is not None and expected.given_up != decision.given_up:
            yield ("given_up",), f"expected {expected.given_up}, found {decision.given_up}"


def _shipments(expected: Expectation, found: Sequence[TriedDestination]) -> Iterator[Difference]:
    if expected.shipments is None:
        return
    left = [shipment for each in found if each.decision for shipment in each.decision.assignments]
    for index, wanted in enumerate(expected.shipments):
        path: Path = ("shipments", index)
        same = [shipment for shipment in left if shipment.node == wanted.node]
        if not same:
            yield (*path, "node"), f"expected a shipment from {wanted.node}, found none"
            continue
        best = min(same, key=lambda shipment: len(list(_parts(wanted, shipment, ()))))
        left.remove(best)
        yield from _parts(wanted, best, path)
    for shipment in left:
        yield ("shipments",), f"found another shipment: {_words(shipment)}"


def _parts(wanted: ExpectedShipment, found: Assignment, path: Path) -> Iterator[Difference]:
    units: dict[str, int] = {}
    for line in found.lines:
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    for name in ("service", "to_node"):
        word = getattr(wanted, name)
        if word is not None and word != getattr(found, name):
            yield (*path, name), f"expected {word!r}, found {getattr(found, name)!r}"
    if wanted.lines is not None and dict(wanted.lines) != units:
        yield (*path, "lines"), f"expected {_units(wanted.lines)}, found {_units(units)}"
    for name in ("ship_date", "delivery_date"):
        day = getattr(wanted, name)
        if day is not None and day != getattr(found, name):
            yield (*path, name), f"expected {day}, found {getattr(found, name)}"
    costs = dict(found.costs)
    for term, amount in (wanted.costs or {}).items():
        if term not in costs:
            yield (*path, "costs", term), f"there is no term {term!r}; there are: {', '.join(costs)}"
        elif costs[term] != amount:
            yield (*path, "costs", term), f"expected {amount:f}, found {costs[term].normalize():f}"


def _not_placed(expected: Expectation, found: Sequence[TriedDestination]) -> Iterator[Difference]:
    reasons = {line.sku: line.reason for each in found if each.decision for line in each.decision.unfilled}
    for sku, reason in expected.not_placed.items():
        if sku not in reasons:
            yield ("not_placed", sku), f"expected {reason}, found that it has a place"
        elif reasons[sku] != reason:
            yield ("not_placed", sku), f"expected {reason}, found {reasons[sku]}"
    for sku in reasons.keys() - expected.not_placed.keys():
        yield ("not_placed",), f"found that {sku} has no place: {reasons[sku]}"


def _candidates(expected: Expectation, found: Sequence[TriedDestination]) -> Iterator[Difference]:
    for node, fence in (expected.out or {}).items():
        for each in found:
            for candidate in each.explanation.candidates if each.explanation else ():
                if candidate.node == node and candidate.fence != fence:
                    what = (
                        f"{candidate.fence}: {candidate.detail}" if candidate.fence else "that it passes all"
                    )
                    yield ("out", node), f"expected {fence}, found {what}"


def _units(units: Mapping[str, int]) -> str:
    return ", ".join(f"{count} x {sku}" for sku, count in sorted(units.items()))


def _words(shipment: Assignment) -> str:
    lines = ", ".join(f"{line.quantity} x {line.sku}" for line in shipment.lines)
    to = f" to {shipment.to_node}" if shipment.to_node else ""
    return f"{lines or 'nothing of its own'} from {shipment.node}{to} by {shipment.service or 'pick-up'}"
