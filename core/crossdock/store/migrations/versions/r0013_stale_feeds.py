"""Stock to publish anew without a movement, and how stale the feeds of nodes were when channels were told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "marked_stock",
        sa.Column("sku", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sku", name=op.f("pk_marked_stock")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "feed_stages",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("node", name=op.f("pk_feed_stages")),
        sqlite_with_rowid=False,
    )
