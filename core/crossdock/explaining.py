"""Explains decisions of any time: by the network and policies that were kept under the version they name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection

from crossdock.compiling import compile_network
from crossdock.errors import MisconfiguredError
from crossdock.routing import (
    Assignment,
    Decision,
    Explanation,
    Flip,
    Network,
    PolicySet,
    UnfilledLine,
    explain,
)
from crossdock.store.decision_log import DecisionRow, load_network
from crossdock.streams.processors.hub import Locate

__all__ = [
    "ExplainedDecision",
    "Explainer",
    "ShownAlternative",
    "ShownAssignment",
    "ShownCandidate",
    "ShownDecision",
    "ShownLine",
    "shown_assignment",
    "shown_unfilled",
]


@dataclass(frozen=True, slots=True)
class ShownLine:
    """Units of an order line; ``reason`` says why they are not placed."""

    line: str
    sku: str
    quantity: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ShownAssignment:
    """One shipment of a plan; costs are in the unit of each term of the policy.

    Attributes:
        lines: What it takes out of the node's stock, without what other shipments bring there.
        to_node: The node that sends it on, together with the rest of the order; empty where it goes to the destination.
    """

    node: str
    service: str
    ship_date: date
    delivery_date: date
    lines: tuple[ShownLine, ...]
    costs: dict[str, Decimal]
    to_node: str = ""


@dataclass(frozen=True, slots=True)
class ShownCandidate:
    """One node: chosen, or out by a fence, or what it would have cost.

    Attributes:
        lines: Ids of the order lines it could have sent.
        preferences_met: How many of the policy's preferences it meets, from the first.
        stale: Whether its last count was older than its limit: rules may have kept more safety stock of it.
    """

    node: str
    chosen: bool
    fence: str
    detail: str
    lines: tuple[str, ...]
    preferences_met: int
    stale: bool
    offer: ShownAssignment | None


@dataclass(frozen=True, slots=True)
class ShownAlternative:
    """Another complete plan; ``tiers_worse`` is by how much each tier of the objective would be worse."""

    assignments: tuple[ShownAssignment, ...]
    tiers_worse: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class ShownDecision:
    """A decision as people and programs see it.

    Attributes:
        why: What made it necessary: ``new``, ``waiting``, or the message that did.
        not_explained: Why there are no candidates; empty where there are.
        tiers: Value of each tier of the objective; an earlier one weighs absolutely more.
        given_up: Number of preferences given up, from the last.
        flips: The smallest change of each kind that would have led to another plan; a smaller one would not.
        flip: The same in words.
        words: All of it as text.
    """

    id: str
    order_id: str
    number: int
    why: str
    decided_at: datetime
    policy: str
    network: str
    snapshot: str
    assignments: tuple[ShownAssignment, ...]
    unfilled: tuple[ShownLine, ...]
    optimal: bool
    candidates: tuple[ShownCandidate, ...]
    alternatives: tuple[ShownAlternative, ...]
    tiers: tuple[Decimal, ...]
    given_up: int
    flips: tuple[Flip, ...]
    flip: str
    not_explained: str
    words: str


@dataclass(frozen=True, slots=True)
class ExplainedDecision:
    """A decision, and its explanation where its network is still kept; ``problem`` says why not."""

    row: DecisionRow
    decision: Decision
    explanation: Explanation | None
    problem: str

    def shown(self) -> ShownDecision:
        """As it is shown."""
        row, decision, found = self.row, self.decision, self.explanation
        return ShownDecision(
            id=row.id,
            order_id=row.order_id,
            number=row.number,
            why=row.why,
            decided_at=row.decided_at,
            policy=row.policy,
            network=row.network,
            snapshot=row.snapshot,
            assignments=tuple(map(shown_assignment, decision.assignments)),
            unfilled=tuple(map(shown_unfilled, decision.unfilled)),
            optimal=decision.optimal,
            candidates=tuple(
                ShownCandidate(
                    each.node,
                    each.chosen,
                    each.fence,
                    each.detail,
                    each.lines,
                    each.preferences_met,
                    each.stale,
                    shown_assignment(each.offer) if each.offer else None,
                )
                for each in (found.candidates if found else ())
            ),
            alternatives=tuple(
                ShownAlternative(tuple(map(shown_assignment, each.assignments)), each.tiers_worse)
                for each in (found.alternatives if found else ())
            ),
            tiers=decision.tiers,
            given_up=decision.given_up,
            flips=found.flips if found else (),
            flip=found.flip if found else "",
            not_explained=self.problem,
            words=found.words() if found else self.problem,
        )


class Explainer:
    """Explains decisions; networks are compiled once each."""

    def __init__(self, locate: Locate) -> None:
        """``locate`` finds nodes that are only known by their post code."""
        self._locate = locate
        self._networks: dict[str, tuple[Network, PolicySet]] = {}

    def explain(self, connection: Connection, row: DecisionRow) -> ExplainedDecision:
        """Explain one decision. Where that can't be, the decision is given all the same, with the reason."""
        decision = row.decision
        try:
            found = self._network(connection, row.network)
            if found is None:
                problem = f"the network of version {row.network} is not kept: what was weighed can't be shown"
                return ExplainedDecision(row, decision, None, problem)
            return ExplainedDecision(row, decision, explain(decision, *found), "")
        except MisconfiguredError as error:
            return ExplainedDecision(row, decision, None, error.message)

    def _network(self, connection: Connection, version: str) -> tuple[Network, PolicySet] | None:
        if version not in self._networks:
            document = load_network(connection, version)
            if document is None:
                return None
            self._networks[version] = compile_network(document, self._locate, version)
        return self._networks[version]


def shown_assignment(assignment: Assignment) -> ShownAssignment:
    """One shipment as it is shown."""
    return ShownAssignment(
        assignment.node,
        assignment.service,
        assignment.ship_date,
        assignment.delivery_date,
        tuple(ShownLine(line.line_id, line.sku, line.quantity) for line in assignment.lines),
        dict(assignment.costs),
        assignment.to_node,
    )


def shown_unfilled(line: UnfilledLine) -> ShownLine:
    """A line left out as it is shown."""
    return ShownLine(line.line_id, line.sku, line.quantity, line.reason)
