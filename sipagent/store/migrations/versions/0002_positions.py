"""Events have positions, and what calls are searched by has columns.

Positions make two events that are alike two, and one that was written twice one.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

_FILL = {
    "postgresql": """
        UPDATE calls SET direction = record ->> 'direction', ended_by = record ->> 'ended_by',
        ended = CAST(record ->> 'ended' AS timestamptz),
        duration = CAST(record ->> 'duration' AS double precision)
    """,
    # in its text of times, which says no zone; ours are all UTC
    "sqlite": """
        UPDATE calls SET direction = json_extract(record, '$.direction'),
        ended_by = json_extract(record, '$.ended_by'),
        ended = replace(replace(json_extract(record, '$.ended'), 'T', ' '), 'Z', ''),
        duration = json_extract(record, '$.duration')
    """,
}


def upgrade() -> None:
    """Fill the new columns from what is there."""
    kind = op.get_bind().dialect.name
    inbound = sa.Column("direction", sa.String(16), nullable=False, server_default="inbound")
    op.add_column("calls", inbound)
    op.add_column("calls", sa.Column("ended", sa.DateTime(timezone=True)))
    op.add_column("calls", sa.Column("ended_by", sa.String(16)))
    op.add_column("calls", sa.Column("duration", sa.Float, nullable=False, server_default="0"))
    op.execute(_FILL[kind])
    if kind == "postgresql":
        op.alter_column("calls", "record", type_=JSONB(), postgresql_using="record::jsonb")
    op.create_table(
        "events_new",
        sa.Column("call_id", sa.String(128), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("data", sa.JSON, nullable=False),
    )
    op.execute(
        "INSERT INTO events_new (call_id, position, data) "
        "SELECT call_id, id, data FROM events ORDER BY id"
    )
    op.drop_table("events")
    op.rename_table("events_new", "events")
    if kind == "postgresql":
        op.execute("ALTER INDEX events_new_pkey RENAME TO events_pkey")


def downgrade() -> None:
    """Number the events in their order."""
    kind = op.get_bind().dialect.name
    op.create_table(
        "events_old",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("call_id", sa.String(128), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
    )
    op.execute(
        "INSERT INTO events_old (call_id, data) "
        "SELECT call_id, data FROM events ORDER BY position, call_id"
    )
    op.drop_table("events")
    op.rename_table("events_old", "events")
    op.create_index("ix_events_call_id", "events", ["call_id"])
    if kind == "postgresql":
        op.execute("ALTER INDEX events_old_pkey RENAME TO events_pkey")
        op.execute("ALTER SEQUENCE events_old_id_seq RENAME TO events_id_seq")
        op.alter_column("calls", "record", type_=sa.JSON(), postgresql_using="record::json")
    for column in ("direction", "ended", "ended_by", "duration"):
        op.drop_column("calls", column)
