"""The tables of returns: what was asked for, and what came."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Integer, LargeBinary, Table, Text

from crossdock.store.metadata import Instant, RowId, metadata

__all__ = ["return_lines", "return_receipts", "return_refunds", "returns"]

returns = Table(
    "returns",
    metadata,
    Column("id", Text, primary_key=True),
    Column("order_id", Text),
    Column("connection", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("node", Text),
    Column("state", Text, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    # The request that a receipt named and that has not come yet.
    Column("awaits", Text),
    Column("refunded_at", Instant),
    # By a person or the channel, whatever else is known.
    Column("closed_at", Instant),
    Index("ix_returns_order", "order_id"),
    Index("ix_returns_external", "external_id"),
    Index("ix_returns_awaits", "awaits"),
)

return_lines = Table(
    "return_lines",
    metadata,
    Column("return_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("order_line", Text),
    Column("sku", Text, nullable=False),
    Column("requested", RowId, nullable=False),
    Column("received", RowId, nullable=False),
    Column("condition", Text),
    Column("disposition", Text),
)

return_receipts = Table(
    "return_receipts",
    metadata,
    # A line of what a node received: its key is what makes a repeated one known.
    Column("source", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Column("external_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("return_id", Text, nullable=False),
    Column("order_line", Text),
    Column("sku", Text, nullable=False),
    Column("quantity", RowId, nullable=False),
    Column("condition", Text, nullable=False),
    Column("disposition", Text, nullable=False),
    Column("received_at", Instant, nullable=False),
    CheckConstraint("quantity > 0", name="quantity"),
    Index("ix_return_receipts_return", "return_id"),
)

return_refunds = Table(
    "return_refunds",
    metadata,
    # The return as its request is called, whether or not that has come.
    Column("return_id", Text, primary_key=True),
    # `due` for what came, `reported` by the channel, or `credited` at the ERPs.
    Column("kind", Text, primary_key=True),
    Column("external_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("order_line", Text),
    Column("quantity", RowId, nullable=False),
    # With all that was due of the line before; 0 of what was reported.
    Column("cumulative", RowId, nullable=False),
    # When it was paid back; null while it is due.
    Column("refunded_at", Instant),
    Index("ix_return_refunds_external", "external_id"),
)
