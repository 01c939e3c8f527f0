"""Prompts as an object model are written out as the vendor's own library does."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from signalwire.pom import PromptObjectModel

from sipagent.dialplan.swml.ai import agent_of
from sipagent.dialplan.swml.organs import Vocabulary
from sipagent.dialplan.swml.pom import rendered
from sipagent.dialplan.swml.values import length

WORDS = st.text(alphabet="ab c.", min_size=1, max_size=12).filter(str.strip)
LEAF = st.fixed_dictionaries(
    {"title": WORDS, "body": WORDS},
    optional={
        "bullets": st.lists(WORDS, max_size=3),
        "numbered": st.booleans(),
        "numberedBullets": st.booleans(),
    },
)
SECTION = st.recursive(
    LEAF,
    lambda inner: st.fixed_dictionaries(
        {"title": WORDS, "subsections": st.lists(inner, min_size=1, max_size=3)},
        optional={"body": WORDS, "numbered": st.booleans()},
    ),
    max_leaves=8,
)
UNTITLED = st.fixed_dictionaries(
    {"body": WORDS}, optional={"subsections": st.lists(SECTION, min_size=1, max_size=2)}
)


@pytest.mark.swml("param", "pom_format", "prompts are Markdown or XML, as the vendor's library")
@settings(max_examples=60, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(SECTION, min_size=1, max_size=4), st.none() | UNTITLED)
def test_prompts_are_written_out_as_the_vendors_library_does(
    sections: list[dict[str, Any]], first: dict[str, Any] | None
) -> None:
    pom = [first, *sections] if first else sections
    model = PromptObjectModel.from_json(pom)
    assert rendered(pom) == model.render_markdown().strip()
    assert rendered(pom, "xml") == model.render_xml()


def test_what_is_no_section_is_left_out() -> None:
    pom = ["x", {"title": "Empty"}, {"body": "Be kind."}, {"bullets": "one", "title": "B"}, 3]
    assert rendered(pom) == "## Untitled Section\n\nBe kind.\n\n## B\n\n- one"
    assert rendered("text") == rendered(None, "xml") == ""


def test_an_endless_prompt_is_cut() -> None:
    section: dict[str, Any] = {"title": "t", "body": "b"}
    for _ in range(500):
        section = {"title": "t", "subsections": [section]}
    assert rendered([section]) == ""


@pytest.mark.parametrize("form", ["markdown", "xml"])
def test_a_prompt_is_written_in_the_format_asked_for(form: str) -> None:
    ai = {"prompt": {"pom": [{"title": "Role", "body": "Help."}]}, "params": {"pom_format": form}}
    prompt = agent_of(ai, Vocabulary({"m": "openai"}, {"openai"})).spec.prompt
    assert prompt is not None
    assert prompt.startswith("## Role" if form == "markdown" else "<?xml")


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("30s", 30), ("2m", 120), ("1h45m30s", 6330), ("1:30", 90), ("1:00:01", 3601), (90, 90),
        ("90", 90), ("0s", None), ("soon", None), ("", None), (None, None), (True, None),
    ],
)  # fmt: skip
def test_lengths_of_time_are_read(said: Any, seconds: float | None) -> None:
    assert length(said) == seconds
