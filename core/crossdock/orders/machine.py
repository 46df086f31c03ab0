"""State machines as data.

Partners send late, twice and out of order; that is the rule, not a fault. So an event does one of four
things:

* it moves the state, or deliberately leaves it (a transition);
* it is ignored with a reason: a repetition, or news that newer news has overtaken;
* it is escalated: the state stays, a work item is raised, because something happened that was called off;
* it is refused: nothing in the table foresees it, so whoever sent it has to hear of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.orders.worklist import Cause

__all__ = ["Machine", "Step", "StepKind", "TransitionRefusedError", "advance", "take"]

State = TypeVar("State", bound=StrEnum)
Event = TypeVar("Event", bound=StrEnum)


class StepKind(StrEnum):
    """What an event did."""

    MOVED = "moved"
    IGNORED = "ignored"
    ESCALATED = "escalated"


@dataclass(frozen=True, slots=True)
class Step(Generic[State]):
    """The state after an event, what the event did, and why it did nothing; ``cause`` when escalated."""

    state: State
    kind: StepKind = StepKind.MOVED
    reason: str = ""
    cause: Cause | None = None


class TransitionRefusedError(RecordRejectedError):
    """An event that the present state does not allow; ``allowed`` are the events it does."""

    def __init__(self, machine: str, state: str, event: str, allowed: tuple[str, ...]) -> None:
        """Say what was asked, how it stands, and what would be allowed."""
        choice = (
            f"allowed are {', '.join(allowed)}" if allowed else "it has ended, nothing is allowed any more"
        )
        super().__init__(
            Rejection(
                "orders.transition", f"{event!r} can't happen to a {machine} that is {state!r}; {choice}"
            )
        )
        self.machine = machine
        self.state = state
        self.event = event
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class Machine(Generic[State, Event]):
    """A life cycle.

    Attributes:
        name: What lives it, in words.
        initial: Where it begins.
        transitions: The state after an event.
        late: Why an event that comes after newer news is ignored, by state and event.
        escalated: Events that may not be ignored although nothing foresees them, by state and event.

    An event that would lead to the state it led to before is a repetition and is ignored, unless a table says
    more.
    """

    name: str
    initial: State
    transitions: Mapping[tuple[State, Event], State]
    late: Mapping[tuple[State, Event], str] = field(default_factory=dict)
    escalated: Mapping[tuple[State, Event], Cause] = field(default_factory=dict)

    @property
    def states(self) -> tuple[State, ...]:
        """All states that the table names, in the order of their definition."""
        return tuple(type(self.initial))

    @property
    def finals(self) -> frozenset[State]:
        """States that no event leaves."""
        left = {state for (state, _), target in self.transitions.items() if target is not state}
        return frozenset(state for state in self.states if state not in left)

    def allowed(self, state: State) -> tuple[Event, ...]:
        """Events that move ``state``, in the order of the table."""
        return tuple(event for origin, event in self.transitions if origin is state)

    def repeats(self, state: State, event: Event) -> bool:
        """Whether ``event`` has led to ``state`` before."""
        return any(target is state and known is event for (_, known), target in self.transitions.items())


def take(machine: Machine[State, Event], state: State, event: Event) -> Step[State]:
    """Say what ``event`` does in ``state``.

    Raises:
        TransitionRefusedError: No table foresees the event.
    """
    target = machine.transitions.get((state, event))
    if target is not None:
        return Step(target)
    cause = machine.escalated.get((state, event))
    if cause is not None:
        reason = f"{event.value!r} of a {machine.name} that is {state.value!r}"
        return Step(state, StepKind.ESCALATED, reason, cause)
    reason = machine.late.get((state, event), "")
    if not reason and machine.repeats(state, event):
        reason = "repeated"
    if reason:
        return Step(state, StepKind.IGNORED, reason)
    allowed = tuple(known.value for known in machine.allowed(state))
    raise TransitionRefusedError(machine.name, state.value, event.value, allowed)


def advance(machine: Machine[State, Event], state: State, event: Event) -> State:
    """Return the state after ``event``; what is ignored or escalated leaves it as it is.

    Raises:
        TransitionRefusedError: No table foresees the event.
    """
    return take(machine, state, event).state
