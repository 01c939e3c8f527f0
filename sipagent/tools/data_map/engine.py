"""Runs a data_map: expressions, webhooks, output; the first that yields a result is the result."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sipagent.call.services import Expressions
from sipagent.call.web import Web
from sipagent.errors import PlanError

from .asking import ask, eligible, request_of
from .data import CallData, ReplyData, Roots
from .matching import matches
from .paths import lookup
from .rendering import Renderer
from .spec import DataMap, Expression, ForEach, Webhook

#: what the model reads where nothing yields a result, in the vendor's words
GENERIC_ERROR = "There was an error processing this request."
#: seconds for all of it, and for one request
SECONDS = 30.0
REQUEST_SECONDS = 15.0
#: items a `foreach` goes through, and characters it puts together
MOST_ITEMS = 1000
MOST_APPENDED = 65_536
#: seconds slept for all the `@{sleep}` of a run
MOST_SLEEP = 10.0


@dataclass(frozen=True, slots=True)
class House:
    """What a run needs of the house."""

    web: Web
    expressions: Expressions
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Mapped:
    """`result` is a SWAIG result: `response`, and `action` where there is one. `trouble` says in
    words without secrets what did not work on the way; `asked` counts the requests.
    """

    result: Mapping[str, Any]
    trouble: tuple[str, ...] = ()
    asked: int = 0


async def run(
    data_map: DataMap, data: CallData, house: House, *, seconds: float = SECONDS
) -> Mapped:
    """Run a data_map. It ends within `seconds` and raises nothing: what fails is told in
    `trouble`, and the result of last resort is a sentence for the model.
    """
    attempt = _Run(data_map, data, house)
    try:
        async with asyncio.timeout(seconds):
            result = await attempt.first_result()
    except TimeoutError:
        attempt.trouble.append(f"it took more than {seconds:g} s")
        result = None
    if result is None:
        result = attempt.last_result()
    return Mapped(result, tuple(attempt.trouble), attempt.asked)


@dataclass(slots=True)
class _Run:
    map: DataMap
    data: CallData
    house: House
    trouble: list[str] = field(default_factory=list)
    asked: int = 0
    renderer: Renderer = field(init=False)

    def __post_init__(self) -> None:
        self.renderer = Renderer(self.house.expressions, self.house.now)

    async def first_result(self) -> Mapping[str, Any] | None:
        """The result of the first expression or webhook that has one."""
        result = await self._expressions(self.map.expressions, self.data.before())
        if result is not None:
            return result
        for webhook in self.map.webhooks:
            if not eligible(webhook, self.data.args):
                continue
            try:
                replied = await self._replied(webhook)
            except PlanError as error:
                self.trouble.append(str(error))
                continue
            if replied is not None:
                return await self._made_of(webhook, replied)
        return None

    def last_result(self) -> Mapping[str, Any]:
        """The output of the data_map itself, else a generic error."""
        if self.map.output is not None:
            try:
                return _as_result(self.renderer.fill(self.map.output, self.data.before()))
            except PlanError as error:
                self.trouble.append(str(error))
        return {"response": GENERIC_ERROR}

    async def _expressions(
        self, expressions: tuple[Expression, ...], roots: Roots
    ) -> Mapping[str, Any] | None:
        for expression in expressions:
            try:
                output = self._output_of(expression, roots)
                if output is not None:
                    return await self._filled(output, roots)
            except PlanError as error:
                self.trouble.append(str(error))
        return None

    def _output_of(self, expression: Expression, roots: Roots) -> Any:
        """What an expression yields; an expression without a text or a pattern yields nothing."""
        if expression.string is None or expression.pattern is None:
            return None
        found = matches(expression.pattern, self.renderer.text(expression.string, roots))
        return expression.output if found else expression.nomatch

    async def _replied(self, webhook: Webhook) -> ReplyData | None:
        """What a webhook answered; None where that counts as a failure. Raises PlanError."""
        request = request_of(webhook, self.data, self.renderer, REQUEST_SECONDS)
        await self._sleep()
        self.asked += 1
        keys = (*webhook.error_keys, *self.map.error_keys)
        reply = await ask(self.house.web, request, keys, _looks_at_code(webhook))
        if reply.wrong:
            self.trouble.append(reply.wrong)
            return None
        return self.data.after(reply.data)

    async def _made_of(self, webhook: Webhook, data: ReplyData) -> Mapping[str, Any] | None:
        try:
            if webhook.foreach is not None:
                self._put_together(webhook.foreach, data)
            result = await self._expressions(webhook.expressions, data.roots)
            if result is None and webhook.output is not None:
                result = await self._filled(webhook.output, data.roots)
        except PlanError as error:
            self.trouble.append(str(error))
            return None
        return result

    def _put_together(self, foreach: ForEach, data: ReplyData) -> None:
        """A key of the reply's own keeps its value."""
        items = lookup(foreach.input_key, data.roots)
        if not isinstance(items, list):
            return
        most = min(foreach.max, MOST_ITEMS) if foreach.max > 0 else MOST_ITEMS
        text = ""
        for item in items[:most]:
            text += self.renderer.text(foreach.append, data.each(item))
            if len(text) > MOST_APPENDED:
                self.trouble.append(f"{foreach.output_key} was cut at {MOST_APPENDED} characters")
                break
        data.reply.setdefault(foreach.output_key, text[:MOST_APPENDED])

    async def _filled(self, output: Any, roots: Roots) -> Mapping[str, Any]:
        result = _as_result(self.renderer.fill(output, roots))
        await self._sleep()
        return result

    async def _sleep(self) -> None:
        pause, self.renderer.pause = min(self.renderer.pause, MOST_SLEEP), 0.0
        if pause:
            await asyncio.sleep(pause)


def _looks_at_code(webhook: Webhook) -> bool:
    """True where a webhook tells by `http_code` itself what a reply that is no 2xx comes to."""
    texts = [expression.string or "" for expression in webhook.expressions]
    return "http_code" in f"{texts} {webhook.output}"


def _as_result(output: Any) -> Mapping[str, Any]:
    return output if isinstance(output, Mapping) else {"response": str(output)}
