"""Orders by the day on which they were placed, for reports over a few days of a long history."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_orders_placed", "orders", ["placed_at"])
