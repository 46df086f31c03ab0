"""Where a return stands, computed anew from all that is known of it; and who is told when it is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.orders.life_cycles import ReturnState
from crossdock.orders.return_progress import Due, Known, Reported, is_settled, paid_units, return_state
from crossdock.orders.returning import returned_lines
from crossdock.store import returns
from crossdock.store.commands import enqueue
from crossdock.store.queries.orders import find_orders
from crossdock.store.return_refunds import RefundKind, RefundLine, load_refunds, mark_refunded
from crossdock.store.returns import StoredReturn
from crossdock.streams.processor import Transaction
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.return_commands import return_command
from crossdock.streams.processors.return_credits import credit
from crossdock.streams.processors.return_documents import (
    EXCHANGE,
    ReturnRequestDocument,
    asked_for,
    request_of,
)
from crossdock.streams.processors.return_kits import kits_of
from crossdock_schemas.returns import ReturnStatus

__all__ = ["Refunds", "close_return", "conclude", "refund_done", "refunds_of"]


class Refunds(Struct, frozen=True):
    """What of a return is due, and what the channel reported."""

    lines: Sequence[RefundLine]

    @property
    def due(self) -> list[Due]:
        """For what came."""
        return [
            Due(line.order_line, line.quantity, line.cumulative, line.refunded_at is not None)
            for line in self.lines
            if line.kind is RefundKind.DUE and line.order_line is not None
        ]

    @property
    def reported(self) -> list[Reported]:
        """What the channel says it has paid."""
        return [
            Reported(line.order_line, line.quantity)
            for line in self.lines
            if line.kind is RefundKind.REPORTED
        ]

    @property
    def credited(self) -> Counter[str]:
        """What ERPs were told of, by order line."""
        units: Counter[str] = Counter()
        for line in self.lines:
            if line.kind is RefundKind.CREDITED and line.order_line is not None:
                units[line.order_line] += line.quantity
        return units


def refunds_of(tx: Transaction, kept: StoredReturn) -> Refunds:
    """The refunds of a return, also by the name of a request that has not come yet."""
    names = {kept.id}
    if kept.awaits is not None:
        channel = (kept.order_id or "").partition(":")[0]
        names |= {kept.awaits, f"{channel}:{kept.awaits}"}
    return Refunds(load_refunds(tx.connection, names))


def conclude(hub: Hub, tx: Transaction, kept: StoredReturn) -> StoredReturn:
    """Keep the return with all that came of it and where it stands; tell the channel once nothing is missing."""
    request = request_of(kept)
    came = [line.received for line in returns.load_receipts(tx.connection, kept.id)]
    lines = returned_lines(asked_for(request, kits_of(tx, kept.order_id)), came)
    refunds = refunds_of(tx, kept)
    paid_at = [line.refunded_at for line in refunds.lines if line.refunded_at]
    known = Known(
        received=came,
        complete=kept.awaits is None and all(line.received >= line.requested for line in lines),
        refunded=bool(paid_at),
        settled=_is_settled(tx, kept, request, refunds),
        cancelled=request is not None and request.called_off,
        closed=kept.closed_at is not None or (request is not None and request.status is ReturnStatus.CLOSED),
    )
    stands = replace(kept, state=return_state(known), refunded_at=min(paid_at, default=None), lines=lines)
    returns.save_returns(tx.connection, [stands], tx.now)
    credit(hub, tx, stands, paid_units(refunds.due, refunds.reported), refunds.credited)
    if stands.state is ReturnState.CLOSED and request is not None:
        _tell_closed(hub, tx, stands, request)
    return stands


def refund_done(hub: Hub, tx: Transaction, name: str) -> None:
    """The channel has paid what the hub asked for."""
    ids = mark_refunded(tx.connection, name, tx.now)
    for kept in returns.load_returns(tx.connection, ids).values():
        conclude(hub, tx, kept)


def close_return(hub: Hub, tx: Transaction, name: str) -> StoredReturn:
    """A person expects nothing more of a return; what is not graded or not refunded keeps it open until then.

    Raises:
        RecordRejectedError: There is no such return.
    """
    kept = returns.load_returns(tx.connection, [name]).get(name)
    if kept is None:
        said = f"there is no return {name!r}: list them to see their ids"
        raise RecordRejectedError(Rejection("return.missing", said))
    return conclude(hub, tx, replace(kept, closed_at=kept.closed_at or tx.now))


def _is_settled(
    tx: Transaction, kept: StoredReturn, request: ReturnRequestDocument | None, refunds: Refunds
) -> bool:
    """Whether nothing is due. Of goods of an order that the hub does not know, nobody but the channel can tell."""
    if kept.order_id is None or kept.order_id not in find_orders(tx.connection, kept.order_id, limit=1):
        return bool(refunds.reported)
    if request is not None and request.resolution == EXCHANGE:
        return True
    return is_settled(refunds.due, refunds.reported)


def _tell_closed(hub: Hub, tx: Transaction, kept: StoredReturn, request: ReturnRequestDocument) -> None:
    """Have the channel close it too, once, unless it was the channel that closed it."""
    if request.status is ReturnStatus.CLOSED or not hub.does(kept.connection, "return.close"):
        return
    document = msgspec.json.decode(kept.document)
    key = f"return.close:{kept.id}"
    enqueue(tx.connection, [return_command(tx, kept, kept.connection, "return.close", key, document)])
