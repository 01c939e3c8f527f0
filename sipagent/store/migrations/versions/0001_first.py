"""Calls, their events, tolls and memories.

The release before there were migrations made the same tables by itself, each when it was first
wanted: those that are there are taken as they are.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make what is missing."""
    op.create_table(
        "calls",
        sa.Column("call_id", sa.String(128), primary_key=True),
        sa.Column("started", sa.DateTime(timezone=True)),
        sa.Column("caller", sa.String, nullable=False),
        sa.Column("callee", sa.String, nullable=False),
        sa.Column("plan", sa.String, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("record", sa.JSON, nullable=False),
        if_not_exists=True,
    )
    op.create_index("ix_calls_started", "calls", ["started"], if_not_exists=True)
    op.create_index("ix_calls_plan", "calls", ["plan"], if_not_exists=True)
    op.create_table(
        "events",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("call_id", sa.String(128), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        if_not_exists=True,
    )
    op.create_index("ix_events_call_id", "events", ["call_id"], if_not_exists=True)
    op.create_table(
        "tolls",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("payer", sa.String(256), primary_key=True),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "memories",
        sa.Column("who", sa.String(64), primary_key=True),
        sa.Column("agent", sa.String(256), primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("written", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        if_not_exists=True,
    )
    op.create_index("ix_memories_until", "memories", ["until"], if_not_exists=True)


def downgrade() -> None:
    """Nothing of ours is left."""
    for table in ("memories", "tolls", "events", "calls"):
        op.drop_table(table)
