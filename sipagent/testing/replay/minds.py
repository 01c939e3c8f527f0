"""RecordedMinds: models that answer what they answered on record."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sipagent.agent.conversation import Conversation
from sipagent.agent.protocols import Brain, Expectation, Say, ToolCall, Used
from sipagent.agent.streams import closing
from sipagent.agent.witness.cleaning import Cleaner
from sipagent.call.redaction.rules import Rule
from sipagent.errors import ProviderError
from sipagent.store.exchanges import Answered, Asked, Exchange, ModelRecord
from sipagent.testing.rehearsal.minds import Wanted, phrases_of
from sipagent.tools.spec import ToolSpec

from .requests import Differing, answers_to, newest, unlike

#: what a mind is wanted for, as the record calls it
_PURPOSES = {"talk": "talk", "sidecar": "sidecar", "writing": "writing"}
_AFTERWARDS = "afterwards"
Part = Say | ToolCall | Used
#: makes the real mind of a plan
MakeLive = Callable[[Wanted], Brain]


@dataclass(slots=True)
class RecordedMinds:
    """See `rehearsal.Minds`. `rules` are those the record was redacted by, `model_of` what the
    plan's provider says its model is, `live` makes minds for requests that are not on record.
    """

    record: ModelRecord
    rules: tuple[Rule, ...] = ()
    model_of: Callable[[Wanted], str] = lambda wanted: ""
    live: MakeLive | None = None
    differing: list[Differing] = field(default_factory=list)
    #: did the call have a mind that is not embedded?
    wanted: bool = False
    #: exchanges that were given as answers
    used: set[int] = field(default_factory=set)

    def __call__(self, wanted: Wanted) -> Brain | None:
        """See `Minds`; embedded minds run as they are."""
        if wanted.embedded:
            return None
        self.wanted = True
        return RecordedMind(self, wanted)

    def left(self, asked: Asked) -> list[Exchange]:
        """What was asked for the same purpose by the same agent, and is not used yet."""
        return [
            one
            for one in self.record.exchanges
            if one.asked.n not in self.used
            and one.answer is not None
            and one.asked.purpose == asked.purpose
            and (asked.purpose != "talk" or one.asked.agent == asked.agent)
        ]


class RecordedMind:
    """A Brain that is asked and, where it was asked the same then, answers the same."""

    def __init__(self, minds: RecordedMinds, wanted: Wanted) -> None:
        self._minds = minds
        self._wanted = wanted
        self._live: Brain | None = None
        self._model = minds.model_of(wanted)

    def expects(self, conversation: Conversation) -> Expectation:
        """See `Brain`."""
        return Expectation(phrases_of(self._wanted.spec))

    async def reply(
        self, conversation: Conversation, tools: Sequence[ToolSpec]
    ) -> AsyncIterator[Part]:
        """See `Brain`. Raises ProviderError as on record, and where nothing is there."""
        asked = self._asked(conversation, tools)
        pool = self._minds.left(asked)
        same = next((one for one in pool if not unlike(one.asked, asked)), None)
        if same is not None:
            async for part in self._again(same):
                yield part
            return
        near = answers_to(asked, pool)
        if self._minds.live is not None:
            self._differs(asked, near, "asked live")
            self._live = self._live or self._minds.live(self._wanted)
            if near is not None:
                self._minds.used.add(near.asked.n)
            async with closing(self._live.reply(conversation, tools)) as parts:
                async for live in parts:
                    if isinstance(live, Part):
                        yield live
        elif near is not None:
            self._differs(asked, near, "answered as on record")
            async for part in self._again(near):
                yield part
        else:
            self._differs(asked, pool[0] if pool else None, "not answered")
            cause = "there is no answer to this on record; --live-minds asks the model"
            raise ProviderError(self._wanted.ref.provider, cause, retryable=False)

    async def _again(self, exchange: Exchange) -> AsyncIterator[Part]:
        """The answer on record, in the time it took."""
        answer = exchange.answer
        assert answer is not None
        self._minds.used.add(exchange.asked.n)
        first = answer.ms if answer.first_ms is None else answer.first_ms
        await asyncio.sleep(first / 1000)
        if answer.end == "failed" and not answer.text:
            raise self._failure(exchange, answer)
        if answer.text:
            yield Say(answer.text)
        await asyncio.sleep(max(0, answer.ms - first) / 1000)
        if answer.end == "failed":
            raise self._failure(exchange, answer)
        for call in answer.calls:
            yield ToolCall(call["id"], call["name"], dict(call["arguments"]))
        if answer.tokens:
            counted = answer.tokens
            yield Used(
                answer.model,
                counted.get("input", 0),
                counted.get("output", 0),
                counted.get("cached", 0),
            )

    def _failure(self, exchange: Exchange, answer: Answered) -> ProviderError:
        """It may help to ask again where it was asked again."""
        later = self._minds.left(exchange.asked)
        again = any(
            not unlike(one.asked, exchange.asked) and one.asked.n == exchange.asked.n + 1
            for one in later
        )
        return ProviderError(self._wanted.ref.provider, answer.error, retryable=again)

    def _asked(self, conversation: Conversation, tools: Sequence[ToolSpec]) -> Asked:
        """The request as the record would have it."""
        cleaner = Cleaner(self._minds.rules)
        wanted = self._wanted
        prompt = conversation.prompt or wanted.spec.prompt or ""
        told: Mapping[str, Any] = {
            "n": 0,
            "for": _PURPOSES.get(wanted.purpose, _AFTERWARDS),
            "agent": wanted.agent,
            "provider": wanted.ref.provider,
            "model": self._model,
            "prompt": cleaner.text(prompt),
            "messages": [cleaner.message(message) for message in conversation.messages],
            "tools": [
                {"name": t.name, "description": t.description, "parameters": dict(t.parameters)}
                for t in tools
            ],
        }
        return Asked.model_validate(told)

    def _differs(self, asked: Asked, near: Exchange | None, done: str) -> None:
        respects = () if near is None else unlike(near.asked, asked)
        self._minds.differing.append(Differing(asked.agent, newest(asked), respects, done))
