"""What the machine can't decide: why, who decides, until when, and what it would do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

__all__ = ["RULES", "Cause", "Role", "Rule", "WorkItem", "open_item"]


class Cause(StrEnum):
    """Why a person is needed."""

    INVENTORY_CONFLICT = "inventory_conflict"
    """Two sources say different things about the same stock."""
    UPSTREAM_LAG = "upstream_lag"
    """A system we depend on is late: a stale feed, a node that does not answer."""
    CONSTRAINT_UNMET = "constraint_unmet"
    """No node can do what the policy demands."""
    PARTNER_REFUSED = "partner_refused"
    """A partner refused for a reason of content, such as a cancellation that came too late."""
    OUTCOME_UNKNOWN = "outcome_unknown"
    """It was sent, and neither answer nor probe says whether it happened."""
    CALLED_OFF_BUT_DONE = "called_off_but_done"
    """A partner carried out what had been cancelled or taken elsewhere."""
    OVER_SHIPPED = "over_shipped"
    """More left the node than was asked for."""
    DATA_INVALID = "data_invalid"
    """The order or message lacks what is needed to go on."""


class Role(StrEnum):
    """Who owns a work item."""

    INVENTORY = "inventory"
    OPERATIONS = "operations"
    INTEGRATION = "integration"
    CUSTOMER_CARE = "customer_care"


@dataclass(frozen=True, slots=True)
class Rule:
    """How items of a cause are handled: owner, hours until due, and the fix that is proposed."""

    owner: Role
    due_hours: int
    fix: str


RULES: dict[Cause, Rule] = {
    Cause.INVENTORY_CONFLICT: Rule(
        Role.INVENTORY, 4, "Have the node count the SKU; until then promise nothing more of it there."
    ),
    Cause.UPSTREAM_LAG: Rule(
        Role.INTEGRATION,
        2,
        "Check the connection and its last successful poll; fence the node out meanwhile.",
    ),
    Cause.CONSTRAINT_UNMET: Rule(
        Role.OPERATIONS,
        8,
        "Relax the policy for this order, wait for stock, or cancel the lines with a reason.",
    ),
    Cause.PARTNER_REFUSED: Rule(
        Role.OPERATIONS, 4, "Read the partner's reason, correct the document, and send it again."
    ),
    Cause.OUTCOME_UNKNOWN: Rule(
        Role.INTEGRATION, 1, "Look the document up at the partner, then mark it as applied or send it again."
    ),
    Cause.CALLED_OFF_BUT_DONE: Rule(
        Role.CUSTOMER_CARE, 2, "Stop the parcel at the carrier, or bill it and cancel its replacement."
    ),
    Cause.OVER_SHIPPED: Rule(
        Role.CUSTOMER_CARE, 24, "Ask the buyer to keep or return the surplus; correct stock."
    ),
    Cause.DATA_INVALID: Rule(Role.INTEGRATION, 4, "Correct the mapping or the source's data, then replay."),
}


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One thing to decide.

    Attributes:
        cause: Why.
        subject: What it is about, as ``kind:id`` such as ``fulfilment_order:FO-17``; with the cause it is the
            key under which an item is opened once.
        message: What happened, for the owner.
        owner: Who decides.
        due_at: Until when (aware UTC).
        fix: What the machine would do.
    """

    cause: Cause
    subject: str
    message: str
    owner: Role
    due_at: datetime
    fix: str


def open_item(
    cause: Cause,
    subject: str,
    message: str,
    now: datetime,
    *,
    deadline: datetime | None = None,
    fix: str = "",
) -> WorkItem:
    """Open an item by the rule of its cause.

    Args:
        cause: Why.
        subject: What it is about.
        message: What happened.
        now: When (aware UTC).
        deadline: An instant after which deciding is useless (a ship-by); the item is due no later, but not
            before ``now``.
        fix: Replaces the rule's proposal.
    """
    rule = RULES[cause]
    due_at = now + timedelta(hours=rule.due_hours)
    if deadline is not None:
        due_at = max(now, min(due_at, deadline))
    return WorkItem(cause, subject, message, rule.owner, due_at, fix or rule.fix)
