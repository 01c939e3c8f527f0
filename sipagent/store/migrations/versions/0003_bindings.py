"""Where phones are, for all nodes of a cluster."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """A row for each phone."""
    op.create_table(
        "bindings",
        sa.Column("extension", sa.String(64), primary_key=True),
        sa.Column("held", sa.JSON, nullable=False),
        sa.Column("change", sa.Integer, nullable=False),
        sa.Column("until", sa.Float(53), nullable=False),
        sa.Column("written", sa.Float(53), nullable=False),
    )
    op.create_index("ix_bindings_until", "bindings", ["until"])
    op.create_index("ix_bindings_written", "bindings", ["written"])


def downgrade() -> None:
    """Phones are where they registered."""
    op.drop_table("bindings")
