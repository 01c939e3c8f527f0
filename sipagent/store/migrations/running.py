"""Running migrations: Alembic, told where everything is; imported by the one that needs it."""

from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from sipagent.store.schema import BASE, MIGRATIONS, Told


def run(connection: Connection, found: str, to: str, told: Told) -> None:
    """Go from one revision to another, within the connection's transaction."""

    def applied(*, step: Any, **_: Any) -> None:
        ends = (step.source_revision_ids, step.destination_revision_ids)
        before, after = (names[0] if names else BASE for names in ends)
        told(before, after, step.up_revision.doc)

    config = _config()
    config.attributes |= {"connection": connection, "told": applied}
    forwards = found == BASE or (to != BASE and found < to)
    (command.upgrade if forwards else command.downgrade)(config, to)


def known() -> list[tuple[str, str]]:
    """Revisions there are and what each does, the first first."""
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return [(script.revision, script.doc) for script in scripts][::-1]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
