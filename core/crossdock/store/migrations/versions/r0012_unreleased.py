"""Fulfilment orders that no node was asked for yet: when it is asked, and when they are routed again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from crossdock.store import metadata as types

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    for name in ("release_at", "evaluate_at"):
        op.add_column("fulfilment_orders", sa.Column(name, types.Instant(), nullable=True))
        known = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            f"ix_fulfilment_orders_{name}",
            "fulfilment_orders",
            [name],
            unique=False,
            sqlite_where=known,
            postgresql_where=known,
        )
