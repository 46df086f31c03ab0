"""What nodes and channels are told of a return."""

from __future__ import annotations

from crossdock.store.commands import CommandRow
from crossdock.store.returns import StoredReturn
from crossdock.streams.processor import Transaction
from crossdock.streams.processors.documents import encode

__all__ = ["return_command"]


def return_command(
    tx: Transaction, kept: StoredReturn, connection: str, name: str, key: str, document: object
) -> CommandRow:
    """A command about ``kept``, after those about the same order."""
    return CommandRow(
        connection=connection,
        name=name,
        order_key=kept.order_id or kept.id,
        idempotency_key=key,
        payload=encode(document),
        refs={"return": kept.id},
        correlation_id=kept.order_id or kept.id,
        created_at=tx.now,
    )
