"""How far a return is, from all that is known of it: the same in whatever order it was heard of."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from crossdock.orders.life_cycles import RETURN, ReturnEvent, ReturnState
from crossdock.orders.machine import advance
from crossdock.orders.returning import Received
from crossdock_schemas.returns import Condition, Disposition

__all__ = ["Due", "Known", "Reported", "is_settled", "paid_units", "return_state", "still_due"]


class Due(Struct, frozen=True):
    """Units of an order line that came and for which money goes back.

    Attributes:
        cumulative: With all that came of the line before, as part of the same return.
        done: The channel has carried out what the hub asked for them.
    """

    order_line: str
    quantity: int
    cumulative: int
    done: bool = False


class Reported(Struct, frozen=True):
    """What the channel says it has refunded of an order line; without a line: of the return as a whole."""

    order_line: str | None
    quantity: int


class Known(Struct, frozen=True):
    """All that the state of a return depends on.

    Attributes:
        received: What came.
        complete: All that was asked for has come.
        refunded: Money went back, if only for some of it.
        settled: No money, and no exchange, is due for what came.
        cancelled: The channel, or the buyer, called it off.
        closed: The channel, or a person, expects nothing more to come.
    """

    received: Sequence[Received]
    complete: bool
    refunded: bool
    settled: bool
    cancelled: bool = False
    closed: bool = False


def return_state(known: Known) -> ReturnState:
    """Where a return stands."""
    return _after(_events(known))


def still_due(due: Iterable[Due], reported: Iterable[Reported]) -> dict[str, int]:
    """By order line, the units that money is due for and that the channel has not paid by itself."""
    paid = _paid(reported)
    wanted: dict[str, int] = {}
    for each in due:
        wanted[each.order_line] = max(each.cumulative, wanted.get(each.order_line, 0))
    return {line: units - paid(line) for line, units in wanted.items() if units > paid(line)}


def is_settled(due: Iterable[Due], reported: Iterable[Reported]) -> bool:
    """Whether all that is due was paid back: because the hub asked, or by the channel's own account.

    Most channels report a refund that the hub has asked for as well, so the two accounts are never added.
    """
    paid = _paid(reported)
    return all(each.done or each.cumulative <= paid(each.order_line) for each in due)


def paid_units(due: Sequence[Due], reported: Sequence[Reported]) -> dict[str, int]:
    """By order line, the units for which money went back: by either account, which are never added.

    Of a return that was refunded as a whole these are the units that were due.
    """
    wanted, done, told = Counter[str](), Counter[str](), Counter[str]()
    for each in due:
        wanted[each.order_line] = max(each.cumulative, wanted[each.order_line])
        done[each.order_line] += each.quantity if each.done else 0
    for said in reported:
        if said.order_line is None:
            told |= wanted
        else:
            told[said.order_line] += said.quantity
    return dict(done | told)


def _paid(reported: Iterable[Reported]) -> Callable[[str], int]:
    """The reported units of a line; of every line more than any has, where the whole return was refunded."""
    units: Counter[str | None] = Counter()
    for each in reported:
        units[each.order_line] += each.quantity
    return lambda line: sys.maxsize if None in units else units[line]


def _events(known: Known) -> list[ReturnEvent]:
    if not known.received:
        ended = {ReturnEvent.CANCEL: known.cancelled, ReturnEvent.CLOSE: known.closed}
        return [event for event, happened in ended.items() if happened][:1]
    events = [ReturnEvent.RECEIVE]
    if not all(_is_graded(units) for units in known.received):
        return events
    events += [ReturnEvent.GRADE, ReturnEvent.DISPOSE]
    if known.refunded and known.settled:
        events.append(ReturnEvent.REFUND)
    if known.settled and (known.complete or known.closed):
        events.append(ReturnEvent.CLOSE)
    return events


def _after(events: Iterable[ReturnEvent]) -> ReturnState:
    state = RETURN.initial
    for event in events:
        state = advance(RETURN, state, event)
    return state


def _is_graded(units: Received) -> bool:
    return units.condition is not Condition.UNKNOWN or units.disposition is not Disposition.QUARANTINE
