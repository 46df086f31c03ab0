"""What the machine can't decide: why, who decides, until when, and what it would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

__all__ = ["RULES", "Action", "Cause", "Role", "Rule", "WorkItem", "actions_for", "open_item"]


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
    TELL_BY_HAND = "tell_by_hand"
    """People have changed an order, and its channel takes no such change by message."""
    DATA_INVALID = "data_invalid"
    """The order or message lacks what is needed to go on."""


class Role(StrEnum):
    """Who owns a work item."""

    INVENTORY = "inventory"
    OPERATIONS = "operations"
    INTEGRATION = "integration"
    CUSTOMER_CARE = "customer_care"


class Action(StrEnum):
    """What the machine can do about a work item when a person says so."""

    ROUTE_AGAIN = "route_again"
    """Decide anew where the unplaced units of the order go."""
    EXCLUDE_NODE = "exclude_node"
    """Take the fulfilment order from its node, tell the node so, and route its units to others."""
    CANCEL = "cancel"
    """Cancel the order's unplaced units, and tell the channel with the reason."""
    PROBE_AGAIN = "probe_again"
    """Ask the partner once more whether the command has happened."""
    SEND_AGAIN = "send_again"
    """Carry the command out once more, as it is."""
    MARK_APPLIED = "mark_applied"
    """Take it that the command has happened, because a person has looked it up at the partner."""
    CLOSE_FEED = "close_feed"
    """Believe the full feed that looks cut off: what it leaves out is zero."""
    REPLAY = "replay"
    """Take the dead letter's message once more, after its cause was mended."""
    DISCARD = "discard"
    """Give the dead letter up for good."""


_ACTIONS: Mapping[tuple[Cause, str], tuple[Action, ...]] = {
    (Cause.CONSTRAINT_UNMET, "order"): (Action.ROUTE_AGAIN, Action.CANCEL),
    (Cause.DATA_INVALID, "order"): (Action.ROUTE_AGAIN, Action.CANCEL),
    (Cause.CONSTRAINT_UNMET, "fulfilment_order"): (Action.EXCLUDE_NODE,),
    (Cause.UPSTREAM_LAG, "fulfilment_order"): (Action.EXCLUDE_NODE,),
    (Cause.TELL_BY_HAND, "fulfilment_order"): (Action.EXCLUDE_NODE,),
    (Cause.OUTCOME_UNKNOWN, "command"): (Action.PROBE_AGAIN, Action.MARK_APPLIED, Action.SEND_AGAIN),
    (Cause.PARTNER_REFUSED, "command"): (Action.SEND_AGAIN, Action.MARK_APPLIED),
    (Cause.INVENTORY_CONFLICT, "feed"): (Action.CLOSE_FEED,),
    (Cause.DATA_INVALID, "dead_letter"): (Action.REPLAY, Action.DISCARD),
}


def actions_for(cause: Cause, subject: str) -> tuple[Action, ...]:
    """What can be done about an item, the proposed one first; empty where only a person can act."""
    return _ACTIONS.get((cause, subject.partition(":")[0]), ())


@dataclass(frozen=True, slots=True)
class Rule:
    """How items of a cause are handled: owner, time until due, and the fix that is proposed."""

    owner: Role
    due_hours: int
    fix: str

    @property
    def due(self) -> timedelta:
        """Time until due where the configuration says nothing else."""
        return timedelta(hours=self.due_hours)


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
    Cause.TELL_BY_HAND: Rule(
        Role.CUSTOMER_CARE,
        4,
        "Make the same change in the channel: its next version of the order has the last word.",
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
    due: Mapping[Cause, timedelta] | None = None,
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
        due: Times until due that replace those of the rules.
    """
    rule = RULES[cause]
    due_at = now + (due or {}).get(cause, rule.due)
    if deadline is not None:
        due_at = max(now, min(due_at, deadline))
    return WorkItem(cause, subject, message, rule.owner, due_at, fix or rule.fix)
