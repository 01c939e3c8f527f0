"""What others are told of a talk: the post-prompt report, earlier talks, and the debug webhook."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from sipagent.agent.failover import only
from sipagent.agent.protocols import Say, ToolCall
from sipagent.agent.reporting.reporter import Reporter
from sipagent.agent.reporting.spec import ReportsSpec
from sipagent.call.control import CallControl
from sipagent.call.privacy import NOTHING, Privacy
from sipagent.call.web import WebFailed, WebReply, WebRequest
from sipagent.dialplan.swml.reports import reports_of
from sipagent.errors import ProviderError
from sipagent.events import Reported
from sipagent.testing.fakes import ScriptedBrain, ScriptedEars
from sipagent.testing.leaks import tells
from sipagent.testing.talk import FakeTalk, a_talk
from sipagent.testing.virtual import virtual_time
from sipagent.tools.spec import ToolResult, ToolSpec

URL = "http://me:secret@agents.example/post_prompt/?__token=abc"
DEBUG = "http://agents.example/debug_events"


class Web:
    """Gives the answers scripted, then 200; keeps what was asked."""

    def __init__(self, *answers: int | dict[str, Any] | None, takes: float = 0.0) -> None:
        self.asked: list[WebRequest] = []
        self._answers = list(answers)
        self._takes = takes

    async def ask(self, request: WebRequest) -> WebReply:
        self.asked.append(request)
        await asyncio.sleep(self._takes)
        answer = self._answers.pop(0) if self._answers else 200
        if answer is None:
            raise WebFailed("nobody answers there")
        if isinstance(answer, int):
            return WebReply(answer, request.url)
        return WebReply(200, request.url, body=json.dumps(answer).encode())

    def told(self, url: str) -> list[dict[str, Any]]:
        return [request.data for request in self.asked if request.url == url]


async def _price(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
    return ToolResult(f"{arguments['item']}: 12 euros")


PRICE = ToolSpec("price", "What a thing costs.", {"type": "object"}, _price)


@asynccontextmanager
async def a_reported_talk(
    ai: dict[str, Any],
    web: Web,
    *script: Any,
    scribe: ScriptedBrain,
    privacy: Privacy = NOTHING,
    **more: Any,
) -> AsyncIterator[FakeTalk]:
    """A talk of an SWML `ai` object."""
    spec = reports_of(ai)
    assert spec is not None
    async with a_talk(
        ears=ScriptedEars("how much is a hat", "my card is 4111 1111 1111 1111"),
        brain=ScriptedBrain(*script),
        tools=(PRICE,),
        sources=(Reporter(spec, only(scribe, "scribe")),),
        fakes={"web": web},
        privacy=privacy,
        prompt="You sell hats.",
        **more,
    ) as talk:
        yield talk


async def over(talk: FakeTalk) -> None:
    """The caller hangs up, and all is done that is to be done."""
    talk.call.caller.hang_up_remotely()
    await talk.end()
    await talk.call.session.end()


@pytest.mark.swml("param", "post_prompt", "asked for when the talk is over")
@pytest.mark.swml("param", "app_name", "as reports name it")
@pytest.mark.swml("param", "post_prompt_url", "the report has every field of SWML")
@virtual_time
async def test_a_report_has_every_field_of_swml() -> None:
    ai = {
        "post_prompt": {"text": "As JSON: what was ${vars.thing} about?"},
        "post_prompt_url": URL,
        "params": {"app_name": "hats", "conversation_id": "c-1"},
    }
    web = Web({"conversation_summary": "They wanted a coat."})
    scribe = ScriptedBrain('It is: {"topic": "hats"} and no more.')
    script = ([Say("Let me see."), ToolCall("1", "price", {"item": "hat"})], "It is twelve.")
    before = datetime.now(UTC).timestamp() * 1e6
    async with a_reported_talk(ai, web, *script, scribe=scribe) as talk:
        talk.call.session.scope |= {"global_data": {"shop": "Rossi"}, "vars": {"thing": "it"}}
        await talk.until(1000)
        await talk.person.speak(400, then_quiet=3000)
        talk.agent.log.function_called({"command_name": "price", "command_arg": "{}"})
        await over(talk)
        fetch, body = web.told(URL)
    assert (fetch["action"], fetch["conversation_id"]) == ("fetch_conversation", "c-1")
    assert body["action"] == "post_conversation"
    assert body["content_type"] == "text/json"
    assert body["content_disposition"] == "agent.summary"
    assert body["conversation_type"] == "voice"
    assert (body["call_id"], body["app_name"]) == ("call-1", "hats")
    assert body["ai_session_id"] == talk.agent.log.session_id
    assert body["conversation_id"] == "c-1"
    assert body["conversation_summary"] == "They wanted a coat."
    assert body["call_ended_by"] == "user"
    assert body["post_prompt_data"] == {
        "parsed": [{"topic": "hats"}],
        "raw": 'It is: {"topic": "hats"} and no more.',
        "substituted": "It is:  and no more.",
    }
    dates = [body[f"{name}_date"] for name in ("call_start", "ai_start", "ai_end")]
    assert dates == sorted(dates)
    assert all(before <= date <= before + 60e6 for date in dates)
    assert body["call_answer_date"] >= body["call_start_date"]
    assert body["call_end_date"] >= body["ai_start_date"]
    assert body["global_data"]["shop"] == "Rossi"
    assert body["SWMLVars"] == {"thing": "it"}
    assert isinstance(body["SWMLCall"], dict)
    roles = [entry["role"] for entry in body["call_log"]]
    assert roles == ["system", "user", "assistant", "tool", "assistant"]
    assert [entry["role"] for entry in body["raw_call_log"]] == roles
    assert "tool_called" in [line["event"] for line in body["call_timeline"]]
    assert body["previous_contexts"] == []
    assert body["swaig_log"] == [{"command_name": "price", "command_arg": "{}"}]
    assert body["total_minutes"] >= 0
    assert body["total_tts_chars"] == len("Let me see.") + len("It is twelve.")
    assert {name for name in body if name.startswith("total_")} == {
        "total_minutes",
        "total_input_tokens",
        "total_output_tokens",
        "total_wire_input_tokens",
        "total_wire_input_tokens_per_minute",
        "total_wire_output_tokens",
        "total_wire_output_tokens_per_minute",
        "total_tts_chars",
        "total_tts_chars_per_min",
        "total_asr_minutes",
        "total_asr_cost_factor",
    }
    assert isinstance(body["times"], list)
    json.dumps(body)
    assert "what was it about?" in scribe.prompts[0]
    reported = talk.call.all(Reported)
    assert [(event.report, event.ok) for event in reported] == [
        ("fetch_conversation", True),
        ("post_prompt", True),
    ]
    assert "secret" not in str(talk.call.events) and "abc" not in str(talk.call.events)


@pytest.mark.swml("param", "SWAIG.summarize_conversation", "its arguments are the summary")
@virtual_time
async def test_a_declared_summarize_conversation_is_called_and_its_arguments_are_the_data() -> None:
    function = {
        "function": "summarize_conversation",
        "description": "Keep what it was about.",
        "parameters": {"type": "object", "properties": {"topic": {"type": "string"}}},
    }
    ai = {
        "post_prompt": {"text": "Summarise."},
        "post_prompt_url": URL,
        "SWAIG": {"functions": [function]},
    }
    scribe = ScriptedBrain([ToolCall("s", "summarize_conversation", {"topic": "hats"})])
    web = Web()
    async with a_reported_talk(ai, web, "Twelve.", scribe=scribe) as talk:
        await talk.until(1000)
        await talk.person.speak(400, then_quiet=2000)
        await over(talk)
    (body,) = web.told(URL)
    assert body["post_prompt_data"]["parsed"] == [{"topic": "hats"}]
    assert json.loads(body["post_prompt_data"]["raw"]) == {"topic": "hats"}
    assert scribe.offered == [("summarize_conversation",)]


@virtual_time
async def test_three_tries_are_made_where_another_may_help_and_one_where_it_may_not() -> None:
    for answers, tries, ok in (((500, None, 200), 3, True), ((404,), 1, False)):
        web = Web(*answers)
        ai = {"post_prompt": "Summarise.", "post_prompt_url": URL}
        async with a_reported_talk(ai, web, "Twelve.", scribe=ScriptedBrain("Hats.")) as talk:
            await talk.until(1000)
            await talk.person.speak(400, then_quiet=2000)
            await over(talk)
            (event,) = talk.call.all(Reported)
        assert (event.tries, event.ok, len(web.asked)) == (tries, ok, tries)
        assert event.url == "http://agents.example/post_prompt/"


@virtual_time
async def test_a_model_that_fails_is_told_and_the_logs_are_sent_all_the_same() -> None:
    web = Web()
    ai = {"post_prompt": "Summarise.", "post_prompt_url": URL}
    scribe = ScriptedBrain([ProviderError("scribe", "no key", retryable=False)])
    async with a_reported_talk(ai, web, "Twelve.", scribe=scribe) as talk:
        await talk.until(1000)
        await talk.person.speak(400, then_quiet=2000)
        await over(talk)
    (body,) = web.told(URL)
    assert body["post_prompt_error"] == "no key"
    assert body["post_prompt_data"] == {"parsed": [], "raw": "", "substituted": ""}
    assert [entry["content"] for entry in body["call_log"]][1:] == ["how much is a hat", "Twelve."]


@virtual_time
async def test_what_the_call_redacts_leaves_by_no_report() -> None:
    web = Web()
    ai = {
        "post_prompt": "Summarise.",
        "post_prompt_url": URL,
        "params": {"debug_webhook_url": DEBUG, "debug_webhook_level": 2},
    }
    card = "4111 1111 1111 1111"
    privacy = Privacy(redact=("card_numbers",))
    scribe = ScriptedBrain(f'{{"card": "{card}"}}')
    script = ("Which card?", f"It is {card}.")
    async with a_reported_talk(ai, web, *script, scribe=scribe, privacy=privacy) as talk:
        talk.call.session.scope["global_data"] = {"card": card}
        await talk.until(1000)
        await talk.person.speak(400, then_quiet=2000)
        await talk.person.speak(400, then_quiet=3000)
        await over(talk)
    assert card in str(talk.conversation.messages)
    assert len(web.told(URL)) == 1 and len(web.told(DEBUG)) > 4
    assert tells("4111", card) and not tells("4111", *(request.data for request in web.asked))


@pytest.mark.swml("param", "save_conversation", "a summary is reported without a post prompt")
@pytest.mark.swml("param", "conversation_id", "what was said in earlier talks is in the prompt")
@virtual_time
async def test_what_was_said_in_earlier_talks_is_in_the_prompt() -> None:
    web = Web({"conversation_summary": "They wanted a coat."})
    ai = {"post_prompt_url": URL, "params": {"conversation_id": "c-1", "save_conversation": True}}
    async with a_reported_talk(
        ai, web, "Twelve.", scribe=ScriptedBrain("They asked for a hat.")
    ) as talk:
        await talk.until(1000)
        await talk.person.speak(400, then_quiet=2000)
        assert "They wanted a coat." in talk.conversation.prompt
        await over(talk)
    assert web.told(URL)[-1]["conversation_summary"] == "They asked for a hat."


@pytest.mark.swml("param", "summary_mode", "`original`: the summary is the object the model wrote")
@virtual_time
async def test_a_summary_is_words_or_the_object_that_the_model_wrote() -> None:
    summaries = {}
    for mode in ("string", "original"):
        web = Web()
        params = {"save_conversation": True, "summary_mode": mode}
        scribe = ScriptedBrain('A hat. {"wants": "hat"}')
        ai = {"post_prompt_url": URL, "params": params}
        async with a_reported_talk(ai, web, "Twelve.", scribe=scribe) as talk:
            await talk.until(1000)
            await talk.person.speak(400, then_quiet=2000)
            await over(talk)
        summaries[mode] = web.told(URL)[-1]["conversation_summary"]
    assert summaries == {"string": "A hat.", "original": {"wants": "hat"}}


@pytest.mark.swml("param", "transfer_summary", "the next agent of the call knows what was said")
@virtual_time
async def test_the_next_agent_of_the_call_knows_what_was_said() -> None:
    ai = {"params": {"transfer_summary": True}}
    async with a_reported_talk(ai, Web(), "Twelve.", scribe=ScriptedBrain()) as talk:
        await talk.until(1000)
        await talk.person.speak(400, then_quiet=2000)
        talk.agent.leave()
        await talk.end()
        earlier = talk.call.session.scope["conversation_summary"]
    assert earlier == "caller: how much is a hat\nagent: Twelve."


def debug(level: int) -> dict[str, Any]:
    return {"params": {"debug_webhook_url": DEBUG, "debug_webhook_level": level}}


@pytest.mark.swml("param", "debug_webhook_url", "told what happens, in order, as the SDK reads it")
@pytest.mark.swml("param", "debug_webhook_level", "2 tells every message and reply of the model")
@virtual_time
async def test_the_debug_webhook_is_told_what_happens_in_order() -> None:
    labels: dict[int, list[str]] = {}
    for level in (1, 2):
        web = Web()
        script = ([ToolCall("1", "price", {"item": "hat"})], "It is twelve.")
        async with a_reported_talk(debug(level), web, *script, scribe=ScriptedBrain()) as talk:
            await talk.until(1000)
            await talk.person.speak(400, then_quiet=2000)
            await over(talk)
        told = web.told(DEBUG)
        assert {body["call_id"] for body in told} == {"call-1"}
        assert [body["timestamp"] for body in told] == sorted(b["timestamp"] for b in told)
        labels[level] = [body["label"] for body in told]
        call = next(body for body in told if body["label"] == "function_call")
        assert (call["function"], call["function_call"]["argument"]) == ("price", {"item": "hat"})
    assert labels[1][0] == "session_start" and labels[1][-1] == "session_end"
    assert labels[1].count("speech_detect") == labels[1].count("ai_completion") == 1
    assert "conversation_add" not in labels[1] and "conversation_add" in labels[2]


@virtual_time
async def test_a_debug_webhook_that_is_slow_or_dead_holds_nobody_up() -> None:
    for web in (Web(takes=2.5), Web(*[None] * 99)):
        async with a_reported_talk(debug(2), web, "One.", "Two.", scribe=ScriptedBrain()) as talk:
            await talk.until(1000)
            await talk.person.speak(400, then_quiet=1500)
            assert talk.said[-1] == ("agent", "One.")
            await over(talk)
            (event,) = talk.call.all(Reported)
            assert event.report == "debug"
    assert (event.ok, event.tries, event.error) == (False, 5, "nobody answers there")


def test_an_ai_object_without_reports_has_none_and_auth_beside_a_url_goes_into_it() -> None:
    assert reports_of({"prompt": {"text": "Hello"}, "params": {"app_name": "swml app"}}) is None
    spec = reports_of(
        {
            "post_prompt": {"text": "Summarise."},
            "post_prompt_url": "http://h.example/p?x=1",
            "post_prompt_auth_user": "me",
            "post_prompt_auth_password": "a:b@c",
        }
    )
    assert isinstance(spec, ReportsSpec)
    assert spec.post_prompt.url == "http://me:a%3Ab%40c@h.example/p?x=1"


@virtual_time
async def test_a_talk_that_ends_before_it_has_begun_keeps_nobody_waiting() -> None:
    class Slow:
        async def recall(self, agent: str) -> str:
            await asyncio.sleep(5)
            return ""

        def keep(self, agent: str, note: str, *, days: float, most: int) -> None:
            """Nothing."""

    web = Web()
    spec = reports_of(debug(1))
    assert spec is not None
    reporter = Reporter(spec, ())
    fakes = {"web": web, "memory": Slow()}
    async with a_talk(sources=(reporter,), fakes=fakes, memory={}) as talk:
        await talk.until(500)
        talk.running.cancel()
        await asyncio.gather(talk.running, return_exceptions=True)
        ended = talk.call.bridge.clock.t
        await talk.call.session.end()
        assert talk.call.bridge.clock.t - ended < 1000
    assert [body["label"] for body in web.told(DEBUG)][-1] == "session_end"


@virtual_time
async def test_a_talk_that_ran_out_of_time_says_so() -> None:
    web = Web()
    ai = {"post_prompt": "Summarise.", "post_prompt_url": URL}
    stop = {"after": 3, "prompt": "Say goodbye."}
    async with a_reported_talk(ai, web, "Goodbye.", scribe=ScriptedBrain(), hard_stop=stop) as talk:
        await talk.end()
        await talk.call.session.end()
    (body,) = web.told(URL)
    assert body["hard_timeout"] is True
    assert body["post_prompt_data"]["parsed"] == []
