"""Several gateways: leases, the node of each call, and tolls by node."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """What there is belongs to the gateway that was alone: the node without a name."""
    op.create_table(
        "leases",
        sa.Column("name", sa.String(128), primary_key=True),
        sa.Column("holder", sa.String(128), nullable=False),
        sa.Column("until", sa.Float(53), nullable=False),
        sa.Column("term", sa.Integer, nullable=False),
    )
    op.add_column("calls", sa.Column("node", sa.String(64), nullable=False, server_default=""))
    _put_aside()
    _tolls(sa.Column("node", sa.String(64), primary_key=True))
    op.execute(
        "INSERT INTO tolls (day, node, payer, calls, seconds) "
        "SELECT day, '', payer, calls, seconds FROM tolls_before"
    )
    op.drop_table("tolls_before")


def downgrade() -> None:
    """Sums of all nodes are one gateway's again."""
    op.drop_table("leases")
    op.drop_column("calls", "node")
    _put_aside()
    _tolls()
    op.execute(
        "INSERT INTO tolls (day, payer, calls, seconds) "
        "SELECT day, payer, sum(calls), sum(seconds) FROM tolls_before GROUP BY day, payer"
    )
    op.drop_table("tolls_before")


def _put_aside() -> None:
    """A primary key is not changed in SQLite, and keeps its name in PostgreSQL."""
    op.execute("CREATE TABLE tolls_before AS SELECT * FROM tolls")
    op.drop_table("tolls")


def _tolls(*node: sa.Column[str]) -> None:
    op.create_table(
        "tolls",
        sa.Column("day", sa.Date, primary_key=True),
        *node,
        sa.Column("payer", sa.String(256), primary_key=True),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
    )
