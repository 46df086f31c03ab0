"""Kits by their components, for telling channels of kits when the stock of a component changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from crossdock.store import metadata as types

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, of the products that are there."""
    table = op.create_table(
        "kit_components",
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("kit", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("component", "kit", name=op.f("pk_kit_components")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_kit_components_kit", "kit_components", ["kit"])
    products = sa.table("products", sa.column("sku", sa.Text()), sa.column("components", types.Json()))
    made_of = op.get_bind().execute(sa.select(products.c.sku, products.c.components)).all()
    rows = [{"component": part[0], "kit": sku} for sku, parts in made_of for part in parts]
    if rows:
        op.bulk_insert(table, rows)
