"""The function webhook: what is sent, what is made of answers, and what goes wrong."""

import json
from typing import Any

import pytest
from signalwire.core.function_result import FunctionResult
from signalwire_agents.core.function_result import SwaigFunctionResult

from sipagent.call.web import WebFailed, WebReply, WebUnreachable
from sipagent.testing.functions import URL, Answers, a_function_talk
from sipagent.testing.virtual import virtual_time
from sipagent.tools.functions import MAX_RESULT
from sipagent.tools.swaig.rules import Rules

ORDER = {
    "functions": [
        {
            "function": "order",
            "description": "Look up an order.",
            "parameters": {
                "type": "object",
                "properties": {
                    "number": {"type": "integer", "description": "of the order"},
                    "express": {"type": "boolean"},
                    "size": {"type": "string", "enum": ["S", "M"]},
                },
                "required": ["number"],
            },
            "meta_data": {"shop": 7},
            "web_hook_url": URL,
        }
    ]
}


@pytest.mark.swml("param", "swaig_post_swml_vars", "SWMLVars and SWMLCall, all or those named")
@pytest.mark.swml("param", "swaig_post_conversation", "call_log and raw_call_log in the request")
@virtual_time
async def test_a_function_is_sent_every_field() -> None:
    rules = Rules(post_conversation=True, post_swml_vars=("basket",), conversation_id="c-9")
    call = {"call_id": "0a1b-2c3d", "from": '"Ann" <sip:+44123@pbx.example>', "to": "sip:1@x"}
    variables = {"call": call, "vars": {"basket": 2, "other": 3}, "global_data": {"vip": True}}
    async with a_function_talk(
        {"order": ["It is on its way."]}, {"number": 12}, "Good news.",
        swaig=ORDER, rules=rules, house={"variables": variables}, prompt="Be kind.",
    ) as talk:  # fmt: skip
        await talk.ask()
        (request,) = talk.server.requests
        body = dict(request.data)
        agent = talk.talk.call.session.live_agent
        assert agent is not None
        assert body.pop("ai_session_id") == agent.log.session_id
        log = body.pop("call_log")
        assert [entry["role"] for entry in log][:2] == ["system", "user"]
        assert len(body.pop("raw_call_log")) >= 2
        assert len(body.pop("meta_data_token")) == 32
        assert body == {
            "function": "order",
            "argument": {"parsed": [{"number": 12}], "raw": '{"number": 12}', "substituted": ""},
            "argument_desc": ORDER["functions"][0]["parameters"],
            "description": "Look up an order.",
            "purpose": "Look up an order.",
            "call_id": "0a1b-2c3d",
            "conversation_id": "c-9",
            "conversation_type": "voice",
            "app_name": "swml app",
            "global_data": {
                "vip": True,
                "caller_id_name": "Ann",
                "caller_id_number": "+44123",
            },
            "meta_data": {"shop": 7},
            "caller_id_name": "Ann",
            "caller_id_num": "+44123",
            "channel_active": True,
            "channel_offhook": True,
            "channel_ready": True,
            "content_type": "text/swaig",
            "content_disposition": "SWAIG Function",
            "version": "2.0",
            "project_id": "",
            "space_id": "",
            "SWMLVars": {"basket": 2},
            "SWMLCall": call,
        }
        assert (request.method, request.url) == ("POST", URL)
        assert talk.results == ["It is on its way."]
        assert talk.talk.said[-1] == ("agent", "Good news.")


@virtual_time
async def test_arguments_that_the_schema_forbids_never_leave() -> None:
    script = [{"size": "XL"}, {"number": "12", "express": "true", "size": None}, "Done."]
    async with a_function_talk({"order": ["fine"]}, *script, swaig=ORDER) as talk:
        await talk.ask()
        refused, taken = talk.results
        assert refused.startswith("order was not run: ")
        assert "'number' is a required property" in refused
        assert "size: 'XL' is not one of" in refused
        assert taken == "fine"
        (body,) = talk.requests
        assert body["argument"]["parsed"] == [{"number": 12, "express": True}]


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        (SwaigFunctionResult("Shipped.").to_dict(), "Shipped."),
        (FunctionResult(tool_result="status: held", tool_prompt="Say so.").to_dict(),
         "status: held\n\nSay so."),
        (FunctionResult().to_dict(), "Action completed."),
        ({"response": {"total": 3}}, '{"total": 3}'),
        ({"error": "no such table", "function": "f"}, "The function failed: no such table"),
        ([1, 2], "[1, 2]"),
        (b"<b>plain</b> words", "<b>plain</b> words"),
        (b"", "Action completed."),
        (None, "Action completed."),
        (WebReply(500, "http://agent.example/", {}, b"{}"), "f failed (HTTP 500)"),
        (WebReply(401, "http://agent.example/", {}, b"{}"), "f was refused (HTTP 401)"),
        (WebFailed("agent.example: too slow"), "f could not be reached"),
        ({"response": "x" * 20_000}, "x" * MAX_RESULT + " (cut; 20000 bytes in all)"),
    ],
)  # fmt: skip
def test_any_answer_is_something_the_model_can_read(answer: Any, read: str) -> None:
    @virtual_time
    async def run() -> None:
        async with a_function_talk({"f": [answer]}, {}, "Well.") as talk:
            await talk.ask()
            assert talk.results[0].startswith(read)
            assert talk.talk.said[-1] == ("agent", "Well.")

    run()


@virtual_time
async def test_a_request_is_made_again_only_where_nobody_took_it() -> None:
    nobody = WebUnreachable("agent.example: connection refused")
    async with a_function_talk({"f": [nobody, "Back again."]}, {}, "Good.") as talk:
        await talk.ask()
        assert len(talk.requests) == 2
        assert talk.results == ["Back again."]
    slow = WebFailed("agent.example: no answer within 20 s")
    async with a_function_talk({"f": [slow, "twice!"]}, {}, "Sorry.") as talk:
        await talk.ask()
        assert len(talk.requests) == 1


@virtual_time
async def test_a_token_that_has_expired_is_on_record() -> None:
    refusal = {
        "response": "I'm sorry, the secure token for this function is invalid or expired. "
        "I cannot execute this action."
    }
    async with a_function_talk({"f": [refusal]}, {}, "Sorry.") as talk:
        await talk.ask()
        assert any("token is invalid or expired" in text for text in talk.warnings)


@virtual_time
async def test_what_is_wrong_in_one_function_costs_that_one() -> None:
    swaig = {
        "functions": [
            {"function": "no good", "web_hook_url": "http://secret:pw@x/"},
            {"function": "f", "purpose": "Old words.", "argument": {"a": {"type": "integer"}}},
            {"function": "summarize_conversation"},
            {"function": "off", "active": False},
        ],
        "defaults": {"web_hook_url": URL},
        "surprise": 1,
    }
    async with a_function_talk({"f": ["ok"]}, {"a": "5"}, "Fine.", swaig=swaig) as talk:
        await talk.ask()
        assert talk.talk.brain.offered[0] == ("f",)
        assert talk.requests[0]["argument"]["parsed"] == [{"a": 5}]
        assert talk.requests[0]["description"] == "Old words."
        told = " ".join(talk.warnings)
        assert "functions[0] is left out" in told
        assert "surprise mean nothing here" in told
        assert "secret" not in told


@virtual_time
async def test_neither_records_nor_warnings_hold_the_secrets_of_a_url() -> None:
    reply = WebReply(500, "http://agent.example/swaig/?__token=hush", {}, b"{}")
    async with a_function_talk({"f": [reply]}, {}, "Sorry.") as talk:
        await talk.ask()
        agent = talk.talk.call.session.live_agent
        assert agent is not None
        kept = [
            *talk.warnings,
            json.dumps(agent.log.functions()),
            *map(repr, talk.talk.call.events),
        ]
        assert not any(secret in text for text in kept for secret in ("hush", "pass@", "a.b%3D"))


@pytest.mark.swml("param", "SWAIG.includes", "asked once at the start; their functions are offered")
@virtual_time
async def test_functions_of_another_server_are_on_offer_once_it_has_told() -> None:
    swaig = {
        "includes": [
            {
                "url": "http://u:p@other.example/swaig",
                "functions": ["weather"],
                "meta_data": {"k": 1},
            }
        ]
    }
    signature = [
        {"function": "weather", "description": "The weather.", "parameters": {"type": "object"}},
        {"function": "unwanted", "description": "Not asked for."},
    ]
    answers: Answers = {"weather": ["Sunny."], "get_signature": [signature]}
    async with a_function_talk(answers, {}, "Sun.", swaig=swaig) as talk:
        await talk.talk.until(500)
        await talk.ask()
        asked, run = talk.server.requests
        assert asked.data == {
            "action": "get_signature",
            "functions": ["weather"],
            "meta_data": {"k": 1},
            "content_type": "text/swaig",
            "content_disposition": "function signature request",
            "version": "2.0",
        }
        assert run.url == "http://u:p@other.example/swaig"
        assert talk.talk.brain.offered[0] == ("weather",)
        assert talk.results == ["Sunny."]


@virtual_time
async def test_both_sdks_read_the_request() -> None:
    async with a_function_talk({"order": ["ok"]}, {"number": 3}, "Yes.", swaig=ORDER) as talk:
        await talk.ask()
        body = json.loads(json.dumps(talk.requests[0]))
    assert body["argument"]["parsed"][0] == json.loads(body["argument"]["raw"]) == {"number": 3}
