"""Alembic's environment: migrations run on the connection they are given, in its transaction."""

from alembic import context

from sipagent.store.tables import METADATA

given = context.config.attributes
context.configure(
    connection=given["connection"],
    target_metadata=METADATA,
    on_version_apply=given["told"],
    # SQLite changes a table by making it anew
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
