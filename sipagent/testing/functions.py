"""A talk whose agent has SWAIG functions, and the server behind them, in memory."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sipagent.agent.protocols import ToolCall
from sipagent.call.policy import Policy
from sipagent.call.web import WebFailed, WebReply, WebRequest
from sipagent.dialplan.expressions import JavaScript
from sipagent.dialplan.swml.documents import SwmlDocuments
from sipagent.events import Warned
from sipagent.tools.swaig.rules import SWML_RULES, Rules
from sipagent.tools.swaig.source import SwaigSource
from sipagent.tools.swaig.spec import SwaigSpec
from sipagent.verbs.documents import run_document

from .fakes import ScriptedBrain
from .talk import FakeTalk, a_talk

URL = "http://user:pass@agent.example/swaig/?__token=a.b%3D"
#: a JSON answer, raw bytes, a whole reply, or why none came
Answer = Mapping[str, Any] | list[Any] | str | bytes | WebReply | WebFailed | None

#: of each function (or `get_signature`), in order, or as the request has it
Answers = Mapping[str, Sequence[Any] | Callable[[Mapping[str, Any]], Answer]]


@dataclass
class FunctionServer:
    """A `Web`: gives each function its answers in order, the last one again and again."""

    answers: Answers
    requests: list[WebRequest] = field(default_factory=list)

    async def ask(self, request: WebRequest) -> WebReply:
        """See `Web`."""
        self.requests.append(request)
        name = str(request.data.get("function") or request.data.get("action"))
        answers = self.answers.get(name)
        if answers is None:
            return WebReply(404, "http://agent.example/")
        if callable(answers):
            answer = answers(request.data)
        else:
            answer = answers[min(self._times(name), len(answers)) - 1]
        if isinstance(answer, WebFailed):
            raise answer
        if isinstance(answer, WebReply):
            return answer
        if isinstance(answer, bytes):
            return WebReply(200, "http://agent.example/swaig/", {}, answer)
        return WebReply(200, "http://agent.example/swaig/", {}, json.dumps(answer).encode())

    def _times(self, name: str) -> int:
        return sum(name in (r.data.get("function"), r.data.get("action")) for r in self.requests)


@dataclass
class FunctionTalk:
    """A talk in which the caller's every turn makes the mind call a function."""

    talk: FakeTalk
    server: FunctionServer
    source: SwaigSource

    @property
    def results(self) -> list[str]:
        """What the mind read of functions."""
        return [m.text for m in self.talk.conversation.messages if m.role == "tool"]

    @property
    def warnings(self) -> list[str]:
        """What is on record."""
        return [event.detail for event in self.talk.call.all(Warned)]

    @property
    def scope(self) -> dict[str, Any]:
        """The call's variables."""
        return self.talk.call.session.scope

    @property
    def requests(self) -> list[Mapping[str, Any]]:
        """What functions were asked."""
        return [request.data for request in self.server.requests]

    async def ask(self, ms: int = 3000) -> None:
        """The caller says something, and `ms` pass."""
        await asyncio.sleep(0.1)
        agent = self.talk.call.session.live_agent
        assert agent is not None
        agent.tell("please", role="user")
        await asyncio.sleep(ms / 1000)


@asynccontextmanager
async def a_function_talk(
    answers: Answers,
    *script: Any,
    swaig: Mapping[str, Any] | None = None,
    rules: Rules = SWML_RULES,
    policy: Policy | None = None,
    house: Mapping[str, Any] | None = None,
    **spec: Any,
) -> AsyncIterator[FunctionTalk]:
    """An agent with the functions of `answers`, or of `swaig`. The `script` is its mind's; a bare
    mapping in it is a call of the first function with these arguments.
    """
    server = FunctionServer(answers)
    first = next(iter(answers))
    declared = swaig or {
        "functions": [{"function": name, "description": f"{name}."} for name in answers],
        "defaults": {"web_hook_url": URL},
    }
    lines = [
        [ToolCall(str(n), first, dict(line))] if isinstance(line, Mapping) else line
        for n, line in enumerate(script)
    ]
    source = SwaigSource(SwaigSpec.model_validate(declared), run_document, rules=rules)
    inside = {
        "web": server,
        "documents": SwmlDocuments(),
        "expressions": JavaScript(),
        **(house or {}),
    }
    async with a_talk(
        brain=ScriptedBrain(*lines), sources=(source,), policy=policy, fakes=inside, **spec
    ) as talk:
        yield FunctionTalk(talk, server, source)


def answering(result: Any, *script: Any, **spec: Any) -> AbstractAsyncContextManager[FunctionTalk]:
    """A talk in which the function `f` answers with a result as the vendor's SDKs make it."""
    return a_function_talk({"f": [result.to_dict()]}, {}, *(script or ("Well.",)), **spec)
