"""Templates and JavaScript conditions."""

import pytest

from sipagent.dialplan.expressions import JavaScript
from sipagent.errors import PlanError

SCOPE = {
    "vars": {"name": "O'Neill", "n": 3, "yes": True, "list": ["a", "b"], "prompt_value": "1"},
    "params": {"target": "sip:x@y"},
    "call": {"from": "sip:+4412@h", "headers": {"X-Lang": "de"}},
    "envs": {},
}
ENGINE = JavaScript()


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("plain", "plain"),
        ("${vars.n}", 3),
        ("%{vars.yes}", True),
        ("${vars.list}", ["a", "b"]),
        ("${vars.list[1]}", "b"),
        ("${vars.list.length}", 2),
        ("${prompt_value}", "1"),
        ("${vars.unset}", ""),
        ("${nowhere.at.all}", ""),
        ("${call.headers.X-Lang}", "de"),
        ("for ${vars.name}: ${vars.n}, ${vars.yes}", "for O'Neill: 3, true"),
        ("${vars.n * 2}", 6),
        ("${vars.n / 2}", 1.5),
        ("${ {a: vars.n}.a }", 3),
        ("${vars.name.toUpperCase()}!", "O'NEILL!"),
        ("${call.from.replace(/\\D/g, '')}", "4412"),
        ("costs $5", "costs $5"),
    ],
)
def test_templates_are_filled_and_a_lone_one_keeps_its_type(template: str, value: object) -> None:
    assert ENGINE.expand(template, SCOPE) == value


def test_templates_are_filled_wherever_they_stand() -> None:
    given = {"to": "${params.target}", "list": ["${vars.n}"], "n": 1}
    assert ENGINE.expand(given, SCOPE) == {"to": "sip:x@y", "list": [3], "n": 1}


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("vars.n > 2 && vars.yes", True),
        ("prompt_value == '1'", True),
        ("${prompt_value} == 1", True),
        ("'${vars.name}' == \"O'Neill\"", True),
        ("`${vars.n}` === '3'", True),
        ("vars.unset == undefined", True),
        ("vars.list.includes('c')", False),
    ],
)
def test_conditions_are_javascript(condition: str, value: object) -> None:
    assert ENGINE.evaluate(condition, SCOPE) == value


def test_what_a_caller_typed_cannot_become_code() -> None:
    scope = {"vars": {"x": "' || true || '"}}
    assert ENGINE.evaluate("'${vars.x}' == 'secret'", scope) is False
    assert ENGINE.evaluate("${vars.x} == 'secret'", scope) is False


@pytest.mark.parametrize(
    "endless",
    [
        "(function(){ while (true) {} })()",
        "(function(){ let a = []; while (true) a.push('x'.repeat(100000) + a.length) })()",
        "(function f(){ return f() })()",
    ],
)
def test_an_expression_is_bounded_in_time_memory_and_depth(endless: str) -> None:
    with pytest.raises(PlanError):
        ENGINE.evaluate(endless, SCOPE)
    assert ENGINE.evaluate("1 + 1", SCOPE) == 2


def test_one_expression_leaves_nothing_behind_for_the_next() -> None:
    ENGINE.evaluate("(globalThis.left = 1)", SCOPE)
    assert ENGINE.evaluate("typeof left", SCOPE) == "undefined"


@pytest.mark.parametrize("wrong", ["a b", "vars.(", "nobody.x", "${vars.n", "}) ; ("])
def test_a_wrong_expression_is_a_plan_error(wrong: str) -> None:
    with pytest.raises(PlanError):
        ENGINE.evaluate(wrong, SCOPE)


def test_grammar_is_checked_without_running_anything() -> None:
    assert ENGINE.check("nobody.x == 1") == ""
    assert ENGINE.check("'${vars.x}' == 1") == ""
    assert "Syntax" in ENGINE.check("a ==")
