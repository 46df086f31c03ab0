"""Lots of positions, their own ledger, and the lot that a line of a fulfilment order is picked from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from crossdock.store import metadata as types

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_NOT_NOTED = sa.text("noted_on IS NULL")


def upgrade() -> None:
    """Make the tables and add the columns."""
    op.add_column("positions", sa.Column("by_lot", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("fulfilment_order_lines", sa.Column("lot", sa.Text()))
    op.create_table(
        "lots",
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("lot", sa.Text(), nullable=False),
        sa.Column("expires_on", sa.Text()),
        sa.Column("on_hand", types.RowId, nullable=False),
        sa.Column("quarantined", types.RowId, nullable=False),
        sa.Column("noted_on", sa.Text()),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.CheckConstraint("quarantined >= 0", name=op.f("ck_lots_not_negative")),
        sa.PrimaryKeyConstraint("sku", "node", "lot", name=op.f("pk_lots")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_lots_expiry", "lots", ["expires_on"], sqlite_where=_NOT_NOTED, postgresql_where=_NOT_NOTED
    )
    op.create_table(
        "lot_movements",
        sa.Column("id", types.RowId, autoincrement=True, nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("lot", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("on_hand", types.RowId, nullable=False),
        sa.Column("quarantined", types.RowId, nullable=False),
        sa.Column("as_of", types.Instant(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("recorded_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lot_movements")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_lot_movements_position", "lot_movements", ["sku", "node"])
