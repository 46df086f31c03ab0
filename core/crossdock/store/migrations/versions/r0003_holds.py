"""Holds with name, owner and expiry; why a channel is told of a cancellation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from crossdock.store import metadata as types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; a hold that is on an order stays on it."""
    op.add_column("orders", sa.Column("hold_until", types.Instant(), nullable=True))
    op.add_column("orders", sa.Column("holds", types.Json(), server_default=sa.text("'[]'"), nullable=False))
    op.create_index(
        "ix_orders_hold_until",
        "orders",
        ["hold_until"],
        unique=False,
        sqlite_where=sa.text("hold_until IS NOT NULL"),
        postgresql_where=sa.text("hold_until IS NOT NULL"),
    )
    op.add_column("fulfilment_orders", sa.Column("cancel_reason", sa.Text(), nullable=True))
    orders = sa.table(
        "orders",
        sa.column("id", sa.Text()),
        sa.column("hold", sa.Text()),
        sa.column("holds", types.Json()),
        sa.column("created_at", types.Instant()),
    )
    connection = op.get_bind()
    for name, hold, since in connection.execute(
        sa.select(orders.c.id, orders.c.hold, orders.c.created_at).where(orders.c.hold.is_not(None))
    ).all():
        kept = [{"name": hold, "owner": "channel", "placed_at": since}]
        connection.execute(orders.update().where(orders.c.id == name).values(holds=kept))
