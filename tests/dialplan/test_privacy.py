"""`privacy:` of a plan: read, checked with its place, and as its page shows it."""

import re
from pathlib import Path

import pytest

from sipagent.call.privacy import Privacy
from sipagent.dialplan.lint import House, check
from sipagent.dialplan.load import plan_of
from sipagent.errors import Finding
from sipagent.sources import Source, parse
from sipagent.tools.loader import load_tools
from sipagent.tools.toolbox import Toolbox
from sipagent.verbs import VERBS

PAGE = Path(__file__).parents[2] / "docs" / "privacy.md"
MAIN = "sections: {main: [answer]}\n"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
TOOL = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[0]


def findings(text: str, toolbox: Toolbox | None = None) -> list[Finding]:
    source: Source = parse(text, "plan.yaml")
    house = House() if toolbox is None else House(toolbox=toolbox)
    return check(source, house)[1]


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_of_the_page_passes_the_check(text: str, tmp_path: Path) -> None:
    (tmp_path / "charge.py").write_text(TOOL)
    toolbox = Toolbox(load_tools((tmp_path,), reserved=VERBS), VERBS)
    assert findings(text, toolbox) == []


@pytest.mark.parametrize(
    ("text", "line", "key", "said"),
    [
        ("privacy: {redact: [cards]}\n", 1, "privacy.redact", "card_numbers"),
        ("privacy:\n  redact:\n  - {pattern: '(a+)+$', name: x}\n", 3, "pattern", "too long"),
        ("privacy: {recording_consent: maybe}\n", 1, "recording_consent", "required"),
        ("privacy: {secret: 1}\n", 1, "secret", "unknown key"),
    ],
)
def test_what_is_wrong_with_it_has_its_place(text: str, line: int, key: str, said: str) -> None:
    found = findings(text + MAIN)[0]
    assert found.line == line
    assert key in found.key
    assert said in f"{found.message} {found.hint}"


def test_a_recording_nobody_asks_for_is_doubtful_where_consent_is_required() -> None:
    text = (
        "privacy: {recording_consent: required}\nsections:\n  main:\n  - answer\n  - record_call\n"
    )
    (found,) = findings(text)
    assert (found.severity, found.line) == ("warning", 5)
    assert "nothing asks for the caller's consent" in found.message
    assert findings(text + "  - ask_consent\n") == []
    required = House(privacy=Privacy(recording_consent="required"))
    own = parse("sections: {main: [answer, record_call]}\n", "plan.yaml")
    assert [found.severity for found in check(own, required)[1]] == ["warning"]


def test_a_plan_that_would_read_a_secret_is_refused() -> None:
    text = "sections:\n  main:\n  - play: 'say:${secrets.pin}'\n"
    found = findings(text)[0]
    assert (found.severity, found.line, found.message) == ("error", 3, "a plan cannot read secrets")


def test_what_a_plan_says_travels_with_it() -> None:
    document = {
        "privacy": {"redact": ["iban", {"pattern": "x1", "name": "x"}]},
        "sections": {"main": ["answer"]},
    }
    privacy = plan_of(document, "p").privacy
    assert [getattr(rule, "name", rule) for rule in privacy.redact] == ["iban", "x"]
