"""`sipagent database`: what the schema is, up to date, and back."""

from pathlib import Path

from sipagent.store.schema import HEAD, REVISIONS
from sipagent.testing.program import Run


def test_the_schema_is_shown_brought_up_and_back(folder: Path, run: Run) -> None:
    none = run("database", "status", "--json")
    assert (none.code, none.json["schema"], none.json["needs"]) == (1, "base", HEAD)
    assert [step["revision"] for step in none.json["waiting"]] == list(REVISIONS)
    assert not (folder / "sipagent.sqlite3").exists()

    made = run("database", "upgrade", "0001")
    assert "base -> 0001" in made.out
    assert f"schema 0001, this release needs {HEAD}" in run("database", "status").out
    assert run("database", "upgrade").code == 0
    assert run("database", "status").code == 0
    assert f"The database has schema {HEAD} already." in run("database", "upgrade").out

    unsaid = run("database", "downgrade", "base")
    assert (unsaid.code, "EVERY RECORD is deleted" in unsaid.err) == (1, True)
    assert run("database", "status").code == 0
    back = run("database", "downgrade", "base", "--yes")
    assert "0001 -> base" in back.out
    assert "none of base, 0001" in " ".join(run("database", "upgrade", "7").err.split())
