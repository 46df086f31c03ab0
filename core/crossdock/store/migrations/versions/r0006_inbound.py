"""Supply that is due, and back-orders on it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from crossdock.store import metadata as types

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "inbound",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("quantity", types.RowId, nullable=False),
        sa.Column("due", types.Instant(), nullable=False),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_inbound_quantity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound")),
    )
    op.create_index("ix_inbound_position", "inbound", ["sku", "node"], unique=False)
    op.create_table(
        "back_orders",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("quantity", types.RowId, nullable=False),
        sa.Column("to_come", types.RowId, nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.CheckConstraint("to_come >= 0 AND to_come <= quantity", name=op.f("ck_back_orders_to_come")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_back_orders")),
    )
    op.create_index("ix_back_orders_order", "back_orders", ["order_id"], unique=False)
    op.create_index("ix_back_orders_position", "back_orders", ["sku", "node"], unique=False)
