"""Whatever a file holds, the check answers with findings."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sipagent.dialplan.lint import House, check
from sipagent.dialplan.schema import schema
from sipagent.sources import Source
from sipagent.verbs import VERBS

WORDS = st.sampled_from(
    ["when", "then", "else", "case", "default", "result", "dest", "to", "label", "play", "agent",
     "on_return", "variable", "${x}", "a ==", "x", "1", "serial", "parallel", "timeout", "url"]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers(-5, 500) | st.floats(0, 9) | WORDS
ANYTHING: Any = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
STEP = st.sampled_from(sorted(VERBS)) | st.dictionaries(
    st.sampled_from(sorted(VERBS)), ANYTHING, min_size=1, max_size=1
)
BLOCK: Any = st.lists(STEP, max_size=3) | ANYTHING
NESTED = st.fixed_dictionaries({"when": WORDS, "then": BLOCK, "else": BLOCK})
MAIN = st.lists(
    STEP
    | st.fixed_dictionaries({"cond": st.lists(NESTED, max_size=2) | NESTED})
    | st.fixed_dictionaries(
        {"connect": st.fixed_dictionaries({"to": WORDS, "result": NESTED | ANYTHING})}
    ),
    max_size=4,
)
DOCUMENT = st.fixed_dictionaries(
    {"sections": st.fixed_dictionaries({"main": MAIN, "x": BLOCK})},
    optional={
        "routes": st.lists(ANYTHING, max_size=2) | ANYTHING,
        "agents": st.dictionaries(WORDS, ANYTHING, max_size=2) | ANYTHING,
        "policy": ANYTHING,
    },
)


@given(DOCUMENT)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_document_is_a_plan_or_has_errors(document: dict[str, Any]) -> None:
    plan, findings = check(Source("any.yaml", document, None), House())
    errors = [finding for finding in findings if finding.severity == "error"]
    assert (plan is None) == bool(errors)


def test_every_verb_is_in_the_schema() -> None:
    assert {f"verb.{name}" for name in VERBS} <= schema()["$defs"].keys()
