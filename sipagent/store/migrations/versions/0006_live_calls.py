"""An index of the calls that live: they are few among years of those that are over."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_LIVE = sa.text("ended IS NULL")


def upgrade() -> None:
    """Make it."""
    op.create_index(
        "ix_calls_live", "calls", ["started"], postgresql_where=_LIVE, sqlite_where=_LIVE
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_calls_live", "calls")
