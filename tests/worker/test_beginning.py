"""What a call began with is kept in its folder."""

from pathlib import Path

from structlog.testing import capture_logs

from sipagent.store.began import read_began
from sipagent.worker.beginning import keep_beginning
from sipagent.worker.protocol import Assignment, Outset, PlanText


def assignment(bundle: Path) -> Assignment:
    """A call that goes out, with a card number among its variables."""
    variables = {"name": "Ada", "card": "4111 1111 1111 1111"}
    return Assignment(
        call_id="c1",
        plan=PlanText(name="p", file="p.yaml", document={"sections": {"main": ["answer"]}}),
        direction="outbound",
        caller="",
        callee="+442079460000",
        bundle=bundle,
        outset=Outset(to="+442079460000", by="api:desk", agent="nurse", variables=variables),
    )


async def test_a_call_keeps_the_plan_it_began_with_redacted_as_its_record(tmp_path: Path) -> None:
    folder = tmp_path / "c1"
    await keep_beginning(assignment(folder), ("card_numbers",))
    began = read_began(folder)
    assert (began.name, began.agent, began.direction) == ("p", "nurse", "outbound")
    assert began.document == {"sections": {"main": ["answer"]}}
    assert began.variables == {"name": "Ada", "card": "[card number]"}
    assert [p.name for p in folder.iterdir()] == ["plan.json"]
    assert (folder / "plan.json").stat().st_mode & 0o777 == 0o600


async def test_a_disk_that_takes_nothing_costs_the_call_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with capture_logs() as lines:
        await keep_beginning(assignment(tmp_path / "file" / "c1"), ())
    assert [line["event"] for line in lines] == ["plan_not_kept"]
