"""What of a return is to be paid back and was paid back, by line; that nothing more is expected of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from crossdock.store import metadata as types

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and the column."""
    op.add_column("returns", sa.Column("closed_at", types.Instant()))
    op.create_table(
        "return_refunds",
        sa.Column("return_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("order_line", sa.Text()),
        sa.Column("quantity", types.RowId, nullable=False),
        sa.Column("cumulative", types.RowId, nullable=False),
        sa.Column("refunded_at", types.Instant()),
        sa.PrimaryKeyConstraint("return_id", "kind", "external_id", "number", name=op.f("pk_return_refunds")),
    )
    op.create_index("ix_return_refunds_external", "return_refunds", ["external_id"])
