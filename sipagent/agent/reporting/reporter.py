"""Reporter: tells others what an agent's plan lets them know. A ToolSource without tools."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from sipagent.call.control import CallControl
from sipagent.call.posts import shown
from sipagent.call.session import CallSession
from sipagent.events import Reported
from sipagent.tools.spec import ToolSpec

from ..afterwards.asking import Answer, Question, ask
from ..failover import Candidate
from ..lines import lines_of, tail
from ..protocols import Brain
from ..templates import Templates
from .body import PostPromptData, identity, post_prompt_data, report
from .debug import DebugFeed
from .labels import Told
from .observer import Observer
from .posting import Posted, post
from .spec import EARLIER, ReportsSpec

#: the function that a model calls in the end, where its author declares it
SUMMARIZE = "summarize_conversation"
_SUMMARY = "Summarise in two or three sentences what the caller wanted and what was agreed."
#: characters of an earlier talk that a model reads
_EARLIER_MOST = 4_000
#: seconds for the model and all tries together; the call's afterwork ends later
_LONGEST = 36.0
#: seconds for a leg that we hang up to be gone
_GOODBYE = 2.0


class _Talk(NamedTuple):
    call: CallSession
    log: Observer


class Reporter:
    """One instance a talk. `minds` are asked when it is over, the first that answers."""

    def __init__(self, spec: ReportsSpec, minds: Sequence[Candidate[Brain]]) -> None:
        self._spec = spec
        self._minds = minds
        self._feed: DebugFeed | None = None
        self._talk: _Talk | None = None

    def open(self, control: CallControl) -> None:
        """See `ToolSource`."""
        call, spec = control.call, self._spec
        log = None if call.live_agent is None else call.live_agent.log
        assert isinstance(log, Observer)
        self._talk = _Talk(call, log)
        if spec.debug_url:
            feed = DebugFeed(
                call,
                spec.debug_url,
                spec.debug_level,
                lambda: identity(call, spec, log.session_id),
            )
            self._feed = feed
            feed.tell(Told("session_start", {"direction": _direction(call)}), log.span.begin)
            for earlier in log.happened:
                feed.happened(earlier)
            log.listen(feed.happened, feed.function_called)
            call.afterwork.add(feed.run())
        if spec.conversation_id and spec.post_prompt.url:
            call.spawn(self._fetch(call, log))

    def offered(self) -> Sequence[ToolSpec]:
        """See `ToolSource`."""
        return ()

    async def close(self) -> None:
        """See `ToolSource`."""
        if self._talk is None:
            return
        (call, log), self._talk = self._talk, None
        if self._spec.transfer_summary and not call.deserted:
            call.scope[EARLIER] = tail(lines_of(log.conversation.all))
        call.afterwork.add(self._report(call, log))

    async def _fetch(self, call: CallSession, log: Observer) -> None:
        """What was said in earlier talks of this conversation, for the prompt."""
        body = {
            **identity(call, self._spec, log.session_id),
            "content_type": "text/json",
            "content_disposition": "agent.conversation",
            "action": "fetch_conversation",
        }
        began = call.bridge.clock.t
        posted = await post(call, self._spec.post_prompt.url, body)
        self._record(call, "fetch_conversation", posted, began)
        if summary := _summary(posted):
            call.scope[EARLIER] = summary[:_EARLIER_MOST]

    async def _report(self, call: CallSession, log: Observer) -> None:
        """Ask the model, tell whoever wants to know, and let the feed come to its end."""
        try:
            if self._spec.reports:
                async with asyncio.timeout(_LONGEST):
                    await self._post_prompt(call, log)
        except TimeoutError:
            began = call.bridge.clock.t
            late = Posted(cause=f"it took longer than {_LONGEST:g} s")
            self._record(call, "post_prompt", late, began)
        finally:
            if self._feed is not None:
                self._feed.tell(Told("session_end", {"seconds": _seconds(log)}))
                self._feed.close()

    async def _post_prompt(self, call: CallSession, log: Observer) -> None:
        spec = self._spec
        answer = await self._asked(call, log)
        if call.hung_up_by is not None:
            # the BYE is on its way: the report tells when it was answered
            with suppress(TimeoutError):
                async with asyncio.timeout(_GOODBYE):
                    await call.left(call.caller)
        made = post_prompt_data(answer.text, answer.data) if answer else PostPromptData()
        body = report(call, spec, log, made)
        if spec.save_conversation:
            body["conversation_summary"] = call.kept_data(made.summary(spec.summary_mode))
        if answer is not None and answer.cause:
            body["post_prompt_error"] = answer.cause
        began = call.bridge.clock.t
        posted = await post(call, spec.post_prompt.url, body)
        self._record(call, "post_prompt", posted, began)

    async def _asked(self, call: CallSession, log: Observer) -> Answer | None:
        """None where the caller said nothing: there is nothing to ask about."""
        lines = lines_of(log.conversation.all)
        if not any(line.startswith("caller:") for line in lines):
            return None
        wanted = self._spec.post_prompt
        prompt = Templates(call).filled(wanted.prompt or _SUMMARY)
        question = Question(prompt, wanted.summarize, SUMMARIZE, wanted.timeout)
        return await ask(call, self._minds, question, lines)

    def _record(self, call: CallSession, what: str, posted: Posted, began: int) -> None:
        call.emit(
            Reported,
            report=what,
            url=shown(self._spec.post_prompt.url),
            ok=not posted.cause,
            status=posted.status,
            tries=posted.tries,
            error=posted.cause,
            ms=call.bridge.clock.t - began,
        )
        if self._feed is not None and what == "post_prompt":
            fields = {"ok": not posted.cause, "status": posted.status}
            self._feed.tell(Told("post_prompt", fields))


def _summary(posted: Posted) -> str:
    try:
        told: Any = None if posted.reply is None else posted.reply.json()
    except ValueError:
        return ""
    found = told.get("conversation_summary") if isinstance(told, dict) else None
    return found if isinstance(found, str) else ""


def _direction(call: CallSession) -> str:
    return str(call.scope.get("call", {}).get("direction", "inbound"))


def _seconds(log: Observer) -> float:
    span = log.span
    return 0.0 if span.end is None else (span.end - span.begin).total_seconds()
