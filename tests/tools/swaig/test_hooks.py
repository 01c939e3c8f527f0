"""startup_hook and hangup_hook: called by the platform, never offered to the mind."""

import pytest

from sipagent.events import ToolReturned
from sipagent.testing.functions import a_function_talk
from sipagent.testing.virtual import virtual_time


@pytest.mark.swml("param", "SWAIG.startup_hook", "called at the start; its actions are done")
@pytest.mark.swml("param", "SWAIG.hangup_hook", "called at the end, with the same session")
@virtual_time
async def test_hooks_are_called_at_the_start_and_at_the_end_of_a_talk() -> None:
    answers = {
        "startup_hook": [{"response": "ready", "action": [{"set_global_data": {"vip": True}}]}],
        "hangup_hook": [{"response": "bye", "action": [{"hangup": True}]}],
    }
    async with a_function_talk(answers, "Hello.") as talk:
        await talk.ask()
        assert talk.talk.brain.offered == [()]
        assert talk.scope["global_data"]["vip"] is True
        talk.talk.call.caller.hang_up_remotely()
        await talk.talk.end()
        await talk.talk.call.session.end()
        startup, hangup = talk.requests
        returned = [(event.tool, event.ok) for event in talk.talk.call.all(ToolReturned)]
        log = talk.talk.agent.log.functions()
    assert (startup["function"], hangup["function"]) == ("startup_hook", "hangup_hook")
    assert startup["ai_session_id"] == hangup["ai_session_id"] != ""
    assert (startup["channel_active"], hangup["channel_active"]) == (True, False)
    assert hangup["global_data"]["vip"] is True
    assert returned == [("startup_hook", True), ("hangup_hook", True)]
    assert [entry["command_name"] for entry in log] == ["startup_hook", "hangup_hook"]


@virtual_time
async def test_a_hook_that_is_slow_or_broken_holds_nobody_up() -> None:
    async with a_function_talk({"startup_hook": [b"\x00"], "f": ["ok"]}, "Hello.") as talk:
        await talk.ask()
        assert talk.talk.said[-1] == ("agent", "Hello.")
