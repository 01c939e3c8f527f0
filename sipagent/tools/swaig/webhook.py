"""The function webhook: one request, retried only where nobody can have taken it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sipagent.call.control import CallControl
from sipagent.call.session import CallSession
from sipagent.call.web import WebFailed, WebReply, WebRequest, WebUnreachable, without_secrets
from sipagent.events import Warned

from .arguments import Arguments
from .request import Asking, address, body, request
from .result import SwaigResult, result_of
from .spec import Defaults


@dataclass(frozen=True, slots=True)
class Webhook:
    """Asks the function's server, and puts what came of it on record."""

    asking: Asking
    defaults: Defaults
    schema: Arguments

    async def run(self, arguments: Mapping[str, Any], control: CallControl) -> SwaigResult:
        """Never raises: what went wrong is a sentence for the model, and a warning on record."""
        call, name = control.call, self.asking.function.function
        where = address(self.asking.function, self.defaults)
        if not where.web_hook_url:
            _warn(call, f"{name} has neither web_hook_url nor data_map")
            return SwaigResult(f"{name} cannot be used: nobody runs it.", ok=False)
        data = body(self.asking, arguments, self.schema.schema, call)
        try:
            reply = await asked(call, request(where, data, name))
        except WebFailed as error:
            _warn(call, f"{name}: {error}")
            record(call, name, data, {"error": str(error)})
            return SwaigResult(f"{name} could not be reached; go on without it.", ok=False)
        result = result_of(reply, name)
        record(call, name, data, dict(result.data) or result.text, url=without_secrets(reply.url))
        self._check(call, reply, result)
        return result

    def _check(self, call: CallSession, reply: WebReply, result: SwaigResult) -> None:
        name = self.asking.function.function
        if not reply.ok:
            _warn(call, f"{name}: HTTP {reply.status} from {without_secrets(reply.url)}")
        if result.expired:
            _warn(call, f"{name}: its token is invalid or expired: tokens of the SDK last an hour")
        if result.dropped:
            _warn(call, f"{name}: {result.dropped} actions too many were left out")


async def asked(call: CallSession, question: WebRequest) -> WebReply:
    """One answer; a second try where no connection was made. Raises WebFailed."""
    web = call.services.web
    try:
        return await web.ask(question)
    except WebUnreachable:
        return await web.ask(question)


def record(
    call: CallSession, name: str, sent: Mapping[str, Any], came: Any, *, url: str = ""
) -> None:
    """One entry of `swaig_log`; `url` without its secrets."""
    if call.talk_log is None:
        return
    call.talk_log.function_called(
        {
            "command_name": name,
            "command_arg": sent["argument"]["raw"],
            "epoch_time": int(time.time()),
            "url": url,
            "post_data": {k: v for k, v in sent.items() if k not in ("call_log", "raw_call_log")},
            "post_response": came,
        }
    )


def _warn(call: CallSession, detail: str) -> None:
    call.emit(Warned, code="swaig", detail=detail)
