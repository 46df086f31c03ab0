"""What came back, line by line, each booked once; what a return waits for and when it was refunded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from crossdock.store import metadata as types

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and the columns."""
    op.add_column("returns", sa.Column("awaits", sa.Text()))
    op.add_column("returns", sa.Column("refunded_at", types.Instant()))
    op.create_index("ix_returns_external", "returns", ["external_id"])
    op.create_index("ix_returns_awaits", "returns", ["awaits"])
    op.create_table(
        "return_receipts",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("return_id", sa.Text(), nullable=False),
        sa.Column("order_line", sa.Text()),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("quantity", types.RowId, nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("disposition", sa.Text(), nullable=False),
        sa.Column("received_at", types.Instant(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_return_receipts_quantity")),
        sa.PrimaryKeyConstraint("source", "node", "external_id", "number", name=op.f("pk_return_receipts")),
    )
    op.create_index("ix_return_receipts_return", "return_receipts", ["return_id"])
