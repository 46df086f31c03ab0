"""Pick-ups that wait for the buyer, until when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from crossdock.store import metadata as types

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("fulfilment_orders", sa.Column("collect_by", types.Instant(), nullable=True))
    op.create_index(
        "ix_fulfilment_orders_collect_by",
        "fulfilment_orders",
        ["collect_by"],
        unique=False,
        sqlite_where=sa.text("collect_by IS NOT NULL"),
        postgresql_where=sa.text("collect_by IS NOT NULL"),
    )
