"""Transfers between nodes: what has left one and not reached the other is supply that is due there.

The movement ``transferred_out`` names where to, and when it is due, as references: ``{kind: transfer_to, value: NODE}``
and ``{kind: due, value: 2026-11-25T08:00:00Z}``. Without them the units are just gone until the other node has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.inventory.inbound import Inbound
from crossdock.inventory.position import Movement, MovementKind
from crossdock.streams.processor import Transaction
from crossdock.streams.processors import back_ordering
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.stock_documents import MovementDocument

__all__ = ["put_in_transit"]


def put_in_transit(hub: Hub, tx: Transaction, document: MovementDocument, news: Sequence[Movement]) -> None:
    """Expect at the other node what has left for it.

    Raises:
        RecordRejectedError: That node is not configured, or the date is none.
    """
    said = {each["kind"]: each["value"] for each in document.references}
    to, due = said.get("transfer_to"), said.get("due")
    if to is None or due is None:
        return
    at = _instant(due)
    units: dict[str, int] = {}
    fresh = {each.sku for each in news if each.kind is MovementKind.TRANSFERRED_OUT}
    for line in document.lines:
        if line.sku in fresh and line.reason == MovementKind.TRANSFERRED_OUT.value:
            units[line.sku] = units.get(line.sku, 0) + line.quantity
    for sku, quantity in sorted(units.items()):
        row = Inbound(f"transfer:{document.node}:{document.external_id}:{sku}", sku, to, quantity, at)
        back_ordering.set_supply(hub, tx, row)


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise RecordRejectedError(
        Rejection(
            "stock.due",
            f"{text!r} is no instant with its offset: write 2026-11-25T08:00:00Z",
            path="$.references[?kind=='due'].value",
            value=text,
        )
    )
