"""Who has taken a work item on, and who closed it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("work_items", sa.Column("assigned_to", sa.Text()))
    op.add_column("work_items", sa.Column("settled_by", sa.Text()))
