"""Erasures that other nodes have not done yet."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "erasures",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("node", sa.String(64), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("subject", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    """Orders are forgotten: nodes that were away keep what they have."""
    op.drop_table("erasures")
