"""What every speech-to-speech model must do, over its true protocol and a real socket."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from sipagent.agent.conversation import CallRequest, Conversation, Message
from sipagent.agent.protocols import Expectation, Spoken, ToolCall, Transcript, Used
from sipagent.agent.realtime.organs import RealtimeBrain
from sipagent.agent.spec import AgentSpec
from sipagent.agent.streams import closing
from sipagent.call.control import CallControl
from sipagent.errors import ProviderError
from sipagent.media.frames import Frame
from sipagent.providers.kit import Kit
from sipagent.providers.vendors import gemini_live, openai_realtime
from sipagent.testing.audio import speech_like
from sipagent.testing.model_server import ToolUse
from sipagent.testing.organs import ScriptedEars
from sipagent.testing.vendors.faults import Fault
from sipagent.testing.vendors.gemini_live import GeminiServer
from sipagent.testing.vendors.openai_realtime import RealtimeServer
from sipagent.testing.vendors.realtime_script import MS_PER_WORD, Reply, Script
from sipagent.tools.spec import ToolResult, ToolSpec

MAKERS = {"openai": openai_realtime.make, "gemini": gemini_live.make}
SERVERS: dict[str, Callable[..., Any]] = {"openai": RealtimeServer, "gemini": GeminiServer}
KEY = "sk-secret"
RATE = 8000
EACH = pytest.mark.parametrize("vendor", ["openai", "gemini"])


async def nothing(arguments: Any, control: CallControl) -> ToolResult:
    return ToolResult("")


def tool(name: str) -> ToolSpec:
    return ToolSpec(name, f"The {name}.", {"type": "object", "properties": {}}, nothing)


@dataclass
class Bench:
    """A mind and its ears, and the server they talk to."""

    vendor: str
    server: Any
    brain: RealtimeBrain
    conversation: Conversation = field(default_factory=Conversation)
    used: list[Used] = field(default_factory=list)

    async def hear(self, ms: int = 400, *, meant: bool = True) -> Transcript:
        """The caller speaks."""
        ears = self.brain.ears(ScriptedEars)
        pcm = speech_like(ms / 1000)

        async def audio() -> AsyncIterator[Frame]:
            for start in range(0, len(pcm), 320):
                yield Frame(pcm[start : start + 320], start // 16)

        async with closing(ears.transcribe(audio(), Expectation())) as transcripts:
            transcript = await anext(transcripts)
        assert transcript.sound is not None
        if meant:
            self.conversation.add(Message("caller", sounds=(transcript.sound.name,)))
        return transcript

    async def reply(
        self, *tools: ToolSpec, most: int = 10_000
    ) -> tuple[list[Spoken], list[ToolCall]]:
        """The answer to it all, or its first parts; what was said of it is remembered."""
        spoken: list[Spoken] = []
        calls: list[ToolCall] = []
        async with closing(self.brain.reply(self.conversation, tools)) as parts:
            async for part in parts:
                match part:
                    case Spoken():
                        spoken.append(part)
                    case ToolCall():
                        calls.append(part)
                    case Used():
                        self.used.append(part)
                if len(spoken) == most:
                    break
        requests = tuple(CallRequest(call.id, call.name, call.arguments) for call in calls)
        sounds = tuple({part.sound for part in spoken})
        text = "".join(part.text for part in spoken).strip()
        self.conversation.add(Message("agent", text, requests=requests, sounds=sounds))
        return spoken, calls

    @property
    def items(self) -> list[tuple[str, str]]:
        """What the server's newest session holds."""
        return [(item.role, item.text) for item in self.server.session.items]


@asynccontextmanager
async def bench(vendor: str, *replies: Reply | str, **more: Any) -> AsyncIterator[Bench]:
    """`heard` is the script's, `refusals` the server's, all else options of the provider."""
    script = Script(list(replies), heard=more.pop("heard", []))
    server = SERVERS[vendor](script, api_key=KEY, refusals=more.pop("refusals", []))
    kit = Kit(RATE, AgentSpec(prompt="You are a clerk."), None)
    before = asyncio.all_tasks()
    async with server:
        options = {"model": "m", "api_key": KEY, "base_url": server.base_url} | more
        brain = MAKERS[vendor](kit, "mind", options)
        try:
            yield Bench(vendor, server, brain)
        finally:
            await brain.aclose()
    left = {task for task in asyncio.all_tasks() - before if not task.done()}
    assert left == set()


def sound_ms(parts: list[Spoken]) -> int:
    return sum(len(part.pcm) for part in parts) // (RATE * 2 // 1000)


@EACH
async def test_what_the_caller_said_is_heard_and_answered_aloud(vendor: str) -> None:
    async with bench(vendor, "Nine to five.", heard=["when are you open"]) as talk:
        await talk.brain.warm()
        heard = await talk.hear(400)
        spoken, calls = await talk.reply()
        assert "".join(part.text for part in spoken).strip() == "Nine to five."
        assert abs(sound_ms(spoken) - 3 * MS_PER_WORD) <= 20
        assert calls == []
        assert heard.sound is not None
        assert await heard.sound.words() == "when are you open"
        asked = talk.server.session.item("user")
        per_second = 8_000 if vendor == "openai" else 32_000
        assert abs(len(asked.audio) * 1000 / per_second - 400) <= 20
        await talk.hear()
        await talk.reply()
        assert len(talk.server.sessions) == 1
        assert sum(used.input for used in talk.used) in (100, 200)


@EACH
async def test_a_tool_is_asked_for_and_told_what_came_of_it(vendor: str) -> None:
    asking = Reply("One moment.", tools=[ToolUse("look", '{"number": 7}')])
    async with bench(vendor, asking, "It is there.") as talk:
        await talk.hear()
        _, (call,) = await talk.reply(tool("look"))
        assert (call.name, call.arguments) == ("look", {"number": 7})
        talk.conversation.add(Message("tool", "found it", tool_call_id=call.id, tool="look"))
        spoken, _ = await talk.reply(tool("look"))
        assert "".join(part.text for part in spoken).strip() == "It is there."
        assert talk.items[-2:] == [("tool", "found it"), ("assistant", "It is there.")]


@EACH
async def test_a_lost_session_is_opened_anew_and_told_the_conversation_so_far(vendor: str) -> None:
    async with bench(vendor, "Nine to five.", "And on Sunday too.") as talk:
        talk.conversation.add(Message("agent", "Good morning."))
        heard = await talk.hear()
        await talk.reply()
        assert heard.sound is not None
        talk.conversation.reword(heard.sound.name, "when are you open")
        talk.server.kill()
        await talk.hear(600)
        try:
            spoken, _ = await talk.reply()
        except ProviderError as error:  # it may not have noticed before
            assert error.retryable
            spoken, _ = await talk.reply()
        assert "".join(part.text for part in spoken).strip() == "And on Sunday too."
        assert talk.items[:3] == [
            ("assistant", "Good morning."),
            ("user", "when are you open"),
            ("assistant", "Nine to five."),
        ]
        assert [role for role, _ in talk.items[3:]] == ["user", "assistant"]
        assert len(talk.server.session.item("user").audio) > 0


@EACH
async def test_keys_and_notes_are_told_as_text(vendor: str) -> None:
    async with bench(vendor) as talk:
        await talk.hear()
        await talk.reply()
        talk.conversation.add(Message("caller", digits="12"))
        await talk.reply()
        told = [text for role, text in talk.items if role in ("user", "note")]
        assert told[-1] == "[keys pressed: 12]"


@EACH
async def test_nothing_of_an_answer_that_was_stopped_is_heard_in_the_next(vendor: str) -> None:
    long = Reply(" ".join(["lorem"] * 50), pace=0.02)
    async with bench(vendor, long, "All right.") as talk:
        await talk.hear()
        await talk.reply(most=4)
        await talk.hear()
        spoken, _ = await talk.reply()
        assert "".join(part.text for part in spoken).strip() == "All right."
        session = talk.server.session
        assert (session.cancelled if vendor == "openai" else session.interrupted) == 1


@EACH
async def test_the_model_learns_how_much_of_its_answer_was_heard(vendor: str) -> None:
    async with bench(vendor, "One two three four five.") as talk:
        await talk.hear()
        spoken, _ = await talk.reply()
        spoken[-1].on_cut(440)
        talk.conversation.cut("One two")
        await talk.hear()
        await talk.reply()
        if vendor == "openai":
            assert talk.server.session.item("assistant", 0).truncated_ms == 440
            assert talk.server.session.complaints == []
        else:
            assert ("note", "[cut off after: One two]") in talk.items


@EACH
async def test_a_cough_that_was_heard_is_not_left_with_the_model(vendor: str) -> None:
    async with bench(vendor, "Nine to five.", "Yes.", heard=["when", "", "and"]) as talk:
        await talk.hear()
        await talk.reply()
        cough = await talk.hear(meant=False)
        assert cough.sound is not None
        assert await cough.sound.words(early=True) == ""
        await talk.hear()
        await talk.reply()
        assert [role for role, _ in talk.items] == ["user", "assistant", "user", "assistant"]


@EACH
async def test_tools_that_change_are_offered_from_the_next_answer_on(vendor: str) -> None:
    async with bench(vendor) as talk:
        for name in ("look", "ring"):
            await talk.hear()
            await talk.reply(tool(name))
        session = talk.server.session
        if vendor == "openai":
            offered = session.config["tools"]
        else:
            offered = session.setup["tools"][0]["functionDeclarations"]
        assert [each["name"] for each in offered] == ["ring"]


@EACH
@pytest.mark.parametrize(
    ("fault", "says", "retryable"),
    [
        (Fault.WRONG_KEY, "check api_key", [False, False]),
        # only one of them says how long to wait, and it is long
        (Fault.RATE_LIMITED, "too many requests", [False, True]),
        (Fault.BROKEN, "failed", [True, True]),
    ],
)
async def test_a_refused_connection_says_why_and_what_to_do(
    vendor: str, fault: Fault, says: str, retryable: list[bool]
) -> None:
    async with bench(vendor, refusals=[fault]) as talk:
        await talk.hear()
        with pytest.raises(ProviderError) as failed:
            await talk.reply()
        assert says in failed.value.cause
        assert failed.value.provider == "mind"
        assert failed.value.retryable == retryable[vendor == "gemini"]
        assert KEY not in failed.value.cause


@EACH
@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply("Odd.", fault=Fault.MALFORMED), "it does not define"),
        (Reply("One two three.", drop_after=1), "broke"),
        (Reply("No.", fault=Fault.RATE_LIMITED), "too many requests"),
        (Reply("No.", fault=Fault.BROKEN), "failed"),
    ],
    ids=["malformed", "dropped", "rate limited", "broken"],
)
async def test_an_answer_that_fails_says_why_and_the_next_is_answered(
    vendor: str, reply: Reply, says: str
) -> None:
    async with bench(vendor, reply, "Here I am.") as talk:
        await talk.hear()
        with pytest.raises(ProviderError) as failed:
            await talk.reply()
        assert says in failed.value.cause
        spoken, _ = await talk.reply()
        assert "".join(part.text for part in spoken).strip() == "Here I am."
        assert talk.server.session.item("user").audio  # the question, as the caller spoke it


async def test_a_text_of_the_plan_is_read_aloud_beside_the_conversation() -> None:
    async with bench("openai") as talk:
        mouth = talk.brain.mouth()
        pcm = b"".join([chunk async for chunk in mouth.synthesize("Good morning to you.")])
        assert len(pcm) == 4 * MS_PER_WORD * 16
        assert talk.items == []


async def test_where_no_model_can_be_reached_hearing_and_reading_are_left_to_others() -> None:
    async with bench("openai", refusals=[Fault.BROKEN] * 9) as talk:
        await talk.brain.warm()
        with pytest.raises(ProviderError, match="503"):
            await talk.hear()
        with pytest.raises(ProviderError, match="503"):
            await anext(aiter(talk.brain.mouth().synthesize("Good morning.")))


async def test_gemini_says_that_it_will_leave_and_another_session_is_opened() -> None:
    async with bench("gemini") as talk:
        await talk.hear()
        await talk.reply()
        await talk.server.session.leave()
        await talk.hear()
        await asyncio.sleep(0.05)
        await talk.reply()
        assert len(talk.server.sessions) == 2
