"""What all nodes have been given on a day is found without reading what they were given before."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_capacity_used_day", "capacity_used", ["day"])
