"""Components of kits: of products, and of the order lines that they became."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from crossdock.store import metadata as types

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; products tell their components from the documents they came as."""
    op.add_column(
        "products", sa.Column("components", types.Json(), server_default=sa.text("'[]'"), nullable=False)
    )
    op.add_column("order_lines", sa.Column("kit_line", sa.Text(), nullable=True))
    op.add_column(
        "order_lines", sa.Column("per_kit", sa.Integer(), server_default=sa.text("1"), nullable=False)
    )
    products = sa.table(
        "products",
        sa.column("sku", sa.Text()),
        sa.column("document", sa.LargeBinary()),
        sa.column("components", types.Json()),
    )
    connection = op.get_bind()
    for sku, document in connection.execute(sa.select(products.c.sku, products.c.document)).all():
        components = types.decode_json(document).get("components")
        if components:
            made_of = [[each["sku"], each["quantity"]] for each in components]
            connection.execute(products.update().where(products.c.sku == sku).values(components=made_of))
