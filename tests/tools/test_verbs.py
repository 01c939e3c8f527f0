"""Verbs as tools, and the box they are in."""

import asyncio
from typing import Any

import pytest

from sipagent.call.leg import LegState
from sipagent.call.policy import Policy
from sipagent.errors import ToolError
from sipagent.events import PolicyDecided
from sipagent.testing.fakes import BUSY, a_call
from sipagent.testing.virtual import run_virtual, virtual_time
from sipagent.tools.functions import tool_of
from sipagent.tools.spec import ToolResult
from sipagent.tools.toolbox import Toolbox
from sipagent.tools.verbs import tool_of_verb
from sipagent.verbs import VERBS

SALES = "sip:sales@pbx.example"


def used(verb: str, **arguments: Any) -> ToolResult:
    async def scene() -> ToolResult:
        call = a_call(scripts={SALES: BUSY})
        call.session.agent = call.bridge.open_port("agent")
        result = await tool_of_verb(VERBS[verb]).invoke(arguments, call.control("model"))
        await call.close()
        return result

    return run_virtual(scene())


def test_the_model_sees_only_what_it_must_give() -> None:
    spec = tool_of_verb(VERBS["transfer"])
    assert spec.parameters == {
        "type": "object",
        "properties": {
            "to": {"type": "string", "description": "whom to put through to: SIP URI or number"},
            "brief": {
                "type": "string",
                "description": "said privately to whoever answers, who then accepts the caller or "
                "refuses",
                "default": "",
                "maxLength": 1000,
            },
        },
        "required": ["to"],
        "additionalProperties": False,
    }
    assert spec.timeout is None
    assert tool_of_verb(VERBS["hangup"]).parameters["properties"] == {}


@pytest.mark.parametrize("verb", [v for v in VERBS.values() if v.is_tool], ids=lambda v: v.name)
def test_every_tool_verb_has_a_lean_schema(verb: Any) -> None:
    spec = tool_of_verb(verb)
    assert spec.description
    assert spec.parameters["type"] == "object"
    assert len(spec.parameters["properties"]) <= 2


def test_the_model_is_told_the_final_sip_outcome() -> None:
    assert used("transfer", to=SALES) == ToolResult("486 Busy Here: sales is busy", ok=False)
    assert used("transfer", to="sip:desk@pbx.example") == ToolResult(
        "connected to desk", ends_talk=True
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "transfer was not run: to is missing"),
        ({"dest": "main"}, "there is no argument dest; it takes to"),
        ({"to": SALES, "headers": {}}, "there is no argument headers"),
        ({"to": 5}, "to: Input should be a valid string"),
        ({"to": SALES, "timeout": -1}, "timeout: Input should be greater than 0"),
    ],
)
def test_bad_arguments_never_reach_the_call(arguments: dict[str, Any], said: str) -> None:
    result = used("transfer", **arguments)
    assert not result.ok
    assert said in result.text


@virtual_time
async def test_the_model_is_told_when_policy_denies() -> None:
    call = a_call()
    control = call.control("model", Policy(destinations=("+44*",)))
    result = await tool_of_verb(VERBS["transfer"]).invoke({"to": "+1900"}, control)
    assert result == ToolResult("+1900 is not an allowed destination", ok=False)
    assert call.all(PolicyDecided)[0].allowed is False
    assert call.dialer.dialled == []


@virtual_time
async def test_collected_digits_reach_the_model() -> None:
    call = a_call()
    collect = tool_of_verb(VERBS["collect_digits"])
    asyncio.get_running_loop().call_later(2, call.caller.far.press, "1234#")
    result = await collect.invoke({}, call.control("model"))
    assert result.text == 'the caller typed 4 keys: {"digits": "1234"}'
    assert call.session.scope["vars"]["digits"] == "1234"
    assert not (await collect.invoke({}, call.control("model"))).ok


@virtual_time
async def test_hangup_ends_the_talk() -> None:
    call = a_call()
    result = await tool_of_verb(VERBS["hangup"]).invoke({}, call.control("model"))
    assert result.ends_talk
    assert call.caller.state is LegState.DISCONNECTED


async def lookup(number: int) -> str:
    """Look up."""
    return str(number)


BOX = Toolbox({"lookup": tool_of(lookup)}, VERBS)


def test_nothing_that_is_not_listed_is_offered() -> None:
    specs = BOX.specs(["transfer", "lookup", "transfer"])
    assert [spec.name for spec in specs] == ["transfer", "lookup"]
    assert BOX.verbs(["transfer", "lookup"]) == {"transfer"}
    assert BOX.specs([]) == ()


def test_what_is_no_tool_is_named_with_the_nearest_that_is() -> None:
    assert BOX.wrong("lokup") == "there is no tool lokup; did you mean lookup?"
    assert BOX.wrong("sleep") == "sleep is a verb for dialplans, not a tool"
    with pytest.raises(ToolError, match="lokup"):
        BOX.specs(["lokup"])
