"""Fulfilment orders between nodes: goods that are brought together before they go to the buyer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from crossdock.store import metadata as types

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_BETWEEN_NODES = sa.text("to_node IS NOT NULL")


def upgrade() -> None:
    """Add where goods are sent on, and what of them is under way."""
    op.add_column("fulfilment_orders", sa.Column("to_node", sa.Text()))
    op.create_index(
        "ix_fulfilment_orders_to_node",
        "fulfilment_orders",
        ["to_node", "state"],
        sqlite_where=_BETWEEN_NODES,
        postgresql_where=_BETWEEN_NODES,
    )
    op.add_column("fulfilment_order_lines", sa.Column("awaits", sa.Text()))
    for name in ("to_come", "arrived"):
        column = sa.Column(name, types.RowId, server_default=sa.text("0"), nullable=False)
        op.add_column("fulfilment_order_lines", column)
