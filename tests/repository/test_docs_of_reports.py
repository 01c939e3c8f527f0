"""The examples of docs/swml-reports.md, serving-functions.md and native-functions.md hold."""

import re
from pathlib import Path

import pytest

from sipagent.agent.reporting import labels
from sipagent.dialplan.lint import House, check
from sipagent.providers.grammar import unknown_words
from sipagent.serving.functions import Functions
from sipagent.sources import parse

from .conftest import ROOT

REPORTS, SERVING, NATIVES = (
    (ROOT / "docs" / name).read_text(encoding="utf-8")
    for name in ("swml-reports.md", "serving-functions.md", "native-functions.md")
)
PLANS = [
    example
    for text in (REPORTS, SERVING, NATIVES)
    for example in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
]
#: told by the reporter itself
OWN = {"session_start", "session_end", "post_prompt", "startup_hook", "hangup_hook"}


@pytest.mark.parametrize("example", PLANS)
def test_an_example_is_a_plan_without_findings(example: str) -> None:
    house = House(providers={"openai", "intents", "grammar", "espeak"}, unknown_words=unknown_words)
    plan, findings = check(parse(example, "reports.yaml"), house)
    assert plan is not None
    assert [str(finding) for finding in findings] == []


async def test_the_function_shown_is_one(tmp_path: Path) -> None:
    script, cgi = re.findall(r"```python\n(.*?)```", SERVING, re.DOTALL)
    (tmp_path / "shop.py").write_text(script)
    functions = Functions.load([tmp_path])
    ran = await functions.run("price", {"item": "hat"}, {})
    assert ran.body == {"response": "1 hat: 12 euros"}
    compile(cgi, "cgi.py", "exec")


def test_every_debug_event_of_ours_is_in_the_table() -> None:
    source = Path(labels.__file__).read_text(encoding="utf-8")
    told = set(re.findall(r'Told\(\s*"(\w+)"', source)) | set(labels._FAILURES.values()) | OWN
    table = set(re.findall(r"`(\w+)`", REPORTS[REPORTS.index("| level 1") :]))
    assert told <= table
