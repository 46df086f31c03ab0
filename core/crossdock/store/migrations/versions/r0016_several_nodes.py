"""A reservation may hold units of one SKU at several nodes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from crossdock.store import metadata as types

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_ACTIVE = sa.text("state = 'active'")


def upgrade() -> None:
    """Let the node be part of the keys."""
    if op.get_context().dialect.name != "sqlite":
        for table, columns in (
            ("reservations", ["key", "sku", "node"]),
            ("ring_fence_uses", ["promise", "sku", "node"]),
        ):
            op.drop_constraint(f"pk_{table}", table, type_="primary")
            op.create_primary_key(f"pk_{table}", table, columns)
        return
    for table in ("reservations", "ring_fence_uses"):
        op.rename_table(table, f"{table}_before")
    _reservations()
    _ring_fence_uses()


def _reservations() -> None:
    """SQLite makes a table anew to change its key."""
    op.create_table(
        "reservations",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("quantity", types.RowId, nullable=False),
        sa.Column("expires_at", types.Instant(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.Column("channel", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_reservations_quantity")),
        sa.CheckConstraint(
            "state IN ('active', 'confirmed', 'released', 'expired')", name=op.f("ck_reservations_state")
        ),
        sa.PrimaryKeyConstraint("key", "sku", "node", name=op.f("pk_reservations")),
    )
    columns = "key, sku, node, quantity, expires_at, state, order_id, updated_at, channel"
    op.execute(f"INSERT INTO reservations ({columns}) SELECT {columns} FROM reservations_before")
    op.drop_table("reservations_before")
    op.create_index("ix_reservations_expiry", "reservations", ["expires_at"], sqlite_where=_ACTIVE)
    op.create_index("ix_reservations_position", "reservations", ["sku", "node"], sqlite_where=_ACTIVE)


def _ring_fence_uses() -> None:
    op.create_table(
        "ring_fence_uses",
        sa.Column("promise", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("quantity", types.RowId, nullable=False),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_ring_fence_uses_quantity")),
        sa.PrimaryKeyConstraint("promise", "sku", "node", name=op.f("pk_ring_fence_uses")),
        sqlite_with_rowid=False,
    )
    columns = "promise, sku, node, channel, quantity"
    op.execute(f"INSERT INTO ring_fence_uses ({columns}) SELECT {columns} FROM ring_fence_uses_before")
    op.drop_table("ring_fence_uses_before")
