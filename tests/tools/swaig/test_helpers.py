"""Every helper of both SDKs' result classes: what it puts on the wire is carried out here."""

import inspect
from typing import Any

import pytest
from signalwire.core.function_result import FunctionResult
from signalwire_agents.core.function_result import SwaigFunctionResult

from sipagent.events import VerbDone
from sipagent.testing.functions import answering
from sipagent.testing.virtual import virtual_time

#: helpers that wrap a document: how they are called, and the verbs that come of it
DOCUMENTS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "connect": ({"destination": "sip:x@h.example", "final": False}, ("connect",)),
    "swml_transfer": ({"dest": "https://h.example/s", "ai_response": "Back.", "final": False},
                      ("set", "transfer")),
    "swml_user_event": ({"event_data": {"type": "x"}}, ("user_event",)),
    "execute_swml": ({"swml_content": {"sections": {"main": [{"set": {"a": 1}}]}}}, ("set",)),
    "send_sms": ({"to_number": "+15551", "from_number": "+15552", "body": "b"}, ("send_sms",)),
    "pay": ({"payment_connector_url": "https://h.example/pay"}, ("set", "pay")),
    "record_call": ({"control_id": "r1"}, ("record_call",)),
    "stop_record_call": ({"control_id": "r1"}, ("stop_record_call",)),
    "join_room": ({"name": "room"}, ("join_room",)),
    "sip_refer": ({"to_uri": "sip:x@h.example"}, ("sip_refer",)),
    "join_conference": ({"name": "room", "muted": True}, ("join_conference",)),
    "tap": ({"uri": "rtp://127.0.0.1:9000", "control_id": "t"}, ("tap",)),
    "stop_tap": ({"control_id": "t"}, ("stop_tap",)),
    "execute_rpc": ({"method": "ai_message", "params": {"role": "system", "message_text": "x"}},
                    ("execute_rpc",)),
    "rpc_dial": ({"to_number": "+15551", "from_number": "+15552",
                  "dest_swml": "https://h.example/s"}, ("execute_rpc",)),
    "rpc_ai_message": ({"call_id": "call-1", "message_text": "x"}, ("execute_rpc",)),
    "rpc_ai_global_data": ({"call_id": "call-1", "data": {"k": 1}}, ("execute_rpc",)),
    "rpc_ai_unhold": ({"call_id": "call-1"}, ("execute_rpc",)),
}  # fmt: skip
#: native actions: their effects are shown one by one in test_actions.py and test_call_actions.py
NATIVE: dict[str, tuple[Any, ...]] = {
    "update_global_data": ({"a": 1},),
    "remove_global_data": ("a",),
    "set_metadata": ({"a": 1},),
    "remove_metadata": ("a",),
    "swml_change_step": ("s2",),
    "swml_change_context": ("c2",),
    "hangup": (),
    "hold": (1,),
    "wait_for_user": (),
    "stop": (),
    "say": ("hi",),
    "play_background_file": ("silence:1",),
    "stop_background_file": (),
    "add_dynamic_hints": (["Cabby"],),
    "clear_dynamic_hints": (),
    "set_end_of_speech_timeout": (700,),
    "set_speech_event_timeout": (900,),
    "set_semantic_state": ({"ok": True},),
    "change_voice": ("rachel",),
    "toggle_functions": ([{"function": "f", "active": False}],),
    "enable_functions_on_timeout": (),
    "enable_extensive_data": (),
    "replace_in_history": ("x",),
    "update_settings": ({"temperature": 0.3},),
    "switch_context": ("p",),
    "simulate_user_input": ("x",),
}
#: these make no action
OTHERS = {
    "set_response", "set_tool_response", "set_post_process", "add_action", "add_actions",
    "to_dict", "create_payment_prompt", "create_payment_action", "create_payment_parameter",
}  # fmt: skip
SDKS = pytest.mark.parametrize("made", [SwaigFunctionResult, FunctionResult], ids=["1.1", "3.7"])


@SDKS
def test_no_helper_is_forgotten(made: type[Any]) -> None:
    public = {n for n, _ in inspect.getmembers(made, callable) if not n.startswith("_")}
    assert public - DOCUMENTS.keys() - NATIVE.keys() - OTHERS == set()


@SDKS
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_helpers_document_is_run(made: type[Any], name: str) -> None:
    if not hasattr(made, name):
        assert made is SwaigFunctionResult
        return
    keys, verbs = DOCUMENTS[name]

    @virtual_time
    async def run() -> None:
        async with answering(getattr(made("told"), name)(**keys)) as talk:
            await talk.ask(30_000 if name == "pay" else 5000)
            done = [e.verb for e in talk.talk.call.all(VerbDone) if e.by == "function:f"]
            assert done == list(verbs)
            assert not any(text.startswith("f: ") for text in talk.warnings), talk.warnings

    run()


@SDKS
@pytest.mark.parametrize("name", NATIVE)
def test_a_helpers_action_is_known(made: type[Any], name: str) -> None:
    if not hasattr(made, name):
        assert made is SwaigFunctionResult
        return

    @virtual_time
    async def run() -> None:
        contexts = {
            "default": {"steps": [{"name": "s1", "text": "a"}, {"name": "s2", "text": "b"}]},
            "c2": {"steps": [{"name": "s3", "text": "c"}]},
        }
        async with answering(getattr(made("told"), name)(*NATIVE[name]), contexts=contexts) as talk:
            await talk.ask(4000)
            assert not any(text.startswith("f: ") for text in talk.warnings), talk.warnings

    run()
