"""The file of what a call's models were asked."""

import asyncio
import stat
from pathlib import Path

from sipagent.store.exchanges import read_models
from sipagent.store.models import ModelFile
from sipagent.testing.virtual import virtual_time


def request(number: int, text: str = "hello") -> dict[str, object]:
    message = {"role": "caller", "text": text}
    return {"type": "request", "n": number, "prompt": "", "tools": "", "messages": [message]}


async def test_what_was_put_is_on_disk_when_it_is_closed_and_nobody_else_reads_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "call" / "models.jsonl"
    log = ModelFile(path)
    log.put({"type": "prompt", "id": "a", "content": "Be kind."})
    log.put({**request(log.number()), "prompt": "a"})
    log.put({"type": "answer", "n": 1, "text": "Hello – good day."})
    await log.close()
    log.put(request(log.number()))
    [one] = read_models(path).exchanges
    assert (one.asked.prompt, one.asked.messages[0]["text"]) == ("Be kind.", "hello")
    assert one.answer is not None and one.answer.text == "Hello – good day."
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@virtual_time
async def test_lines_are_on_disk_soon_and_those_that_come_after_a_pause_too(tmp_path: Path) -> None:
    path = tmp_path / "models.jsonl"
    log = ModelFile(path)
    for expected in (1, 2, 3):
        log.put(request(log.number()))
        await asyncio.sleep(2)
        assert len(path.read_text().splitlines()) == expected
    await log.close()


async def test_a_file_is_bounded_and_says_what_had_no_room(tmp_path: Path) -> None:
    path = tmp_path / "models.jsonl"
    log = ModelFile(path, most=2_000)
    for number in range(1, 6):
        log.put(request(number, "x" * 600))
    await log.close()
    record = read_models(path)
    assert (len(record.exchanges), record.left_out) == (2, 3)
    assert path.stat().st_size < 2_100


async def test_a_call_whose_models_were_asked_nothing_has_no_file(tmp_path: Path) -> None:
    log = ModelFile(tmp_path / "models.jsonl")
    await log.close()
    assert not (tmp_path / "models.jsonl").exists()


async def test_a_disk_that_takes_nothing_costs_the_call_nothing(tmp_path: Path) -> None:
    (tmp_path / "call").write_text("no folder")
    log = ModelFile(tmp_path / "call" / "models.jsonl")
    log.put(request(1))
    await log.close()
    assert (tmp_path / "call").read_text() == "no folder"


def test_a_line_that_was_cut_and_those_that_lean_on_it_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "models.jsonl"
    path.write_text(
        '{"type":"request","n":1,"prompt":"","tools":"","messages":[]}\n'
        '{"type":"request","n":2,"prompt":"gone","tools":"","messages":[]}\n'
        '{"type":"answer","n":1,"te'
    )
    [one] = read_models(path).exchanges
    assert one.asked.n == 1 and one.answer is None
