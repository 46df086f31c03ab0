"""Reservations know their channel; ring-fences."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from crossdock.store import metadata as types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns and tables."""
    op.add_column(
        "reservations", sa.Column("channel", sa.Text(), server_default=sa.text("''"), nullable=False)
    )
    op.add_column("positions", sa.Column("fenced", types.RowId, server_default=sa.text("0"), nullable=False))
    op.create_table(
        "ring_fences",
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("quantity", types.RowId, nullable=False),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_ring_fences_quantity")),
        sa.PrimaryKeyConstraint("sku", "node", "channel", name=op.f("pk_ring_fences")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ring_fence_uses",
        sa.Column("promise", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("quantity", types.RowId, nullable=False),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_ring_fence_uses_quantity")),
        sa.PrimaryKeyConstraint("promise", "sku", name=op.f("pk_ring_fence_uses")),
        sqlite_with_rowid=False,
    )
