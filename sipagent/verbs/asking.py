"""Verbs that ask the web: swml (an agent written elsewhere takes the call), request."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from sipagent.call.control import CallControl
from sipagent.call.documents import FETCH_SECONDS
from sipagent.call.leg import LegState
from sipagent.call.verb import End, Leave, Outcome, Verb
from sipagent.call.web import WebFailed, WebReply, WebRequest
from sipagent.errors import PlanError

from .documents import admit, fetched
from .flow import planned, remember
from .waiting import while_caller_stays

#: what a caller hears whose document cannot be had, as a SIP status
_UNAVAILABLE = 503
#: seconds a `request` may take where the plan does not say
REQUEST_SECONDS, CONNECT_SECONDS = 10.0, 5.0
MAX_ANSWER = 1 << 20


class SwmlVerb(Verb):
    """Let the SWML document at a URL take the call; nothing comes back."""

    name: ClassVar[str] = "swml"
    shorthand: ClassVar[str | None] = "url"
    url: str = Field(
        description="http(s), asked with the call object when this is reached; user:password@ in "
        "it is Basic auth"
    )
    method: Literal["POST", "GET"] = "POST"
    params: Mapping[str, Any] = Field(default_factory=dict, description="seen there as params.*")
    timeout: float = Field(
        default=FETCH_SECONDS, gt=0, le=30, description="seconds to wait for it, while it rings"
    )
    fallback: str | None = Field(
        default=None,
        description="the section that takes the call when the document cannot be had; without one, "
        "a caller who was not answered yet gets 503",
    )

    async def run(self, control: CallControl) -> Outcome:
        """Ring, fetch it, and go on there."""
        here, call = planned(control), control.call
        if call.caller.state is LegState.INCOMING:
            await call.caller.answer(180)
        try:
            work = fetched(here, self.url, self.params, method=self.method, timeout=self.timeout)
            document = await work
            admit(here, document)
        except (PlanError, WebFailed) as error:
            return await self._failed(control, str(error))
        call.scope["params"] = dict(self.params)
        return Outcome(detail=document.name, flow=Leave("main", document))

    async def _failed(self, control: CallControl, why: str) -> Outcome:
        call = control.call
        remember(call, swml_result="failed", swml_failed_reason=why)
        if self.fallback is not None:
            return Outcome(False, why, flow=Leave(self.fallback))
        if call.caller.state in (LegState.INCOMING, LegState.EARLY):
            call.hung_up_by = "plan"
            await call.caller.hangup(_UNAVAILABLE)
            return Outcome(False, why, status=_UNAVAILABLE, flow=End())
        return Outcome(False, why, status=502)


def _text(value: Any) -> Any:
    """A header's number, as templates make them, is its digits."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Text = Annotated[str, BeforeValidator(_text)]


class RequestVerb(Verb):
    """Send an HTTP request; what came of it is in `request_result` and `request_response`."""

    name: ClassVar[str] = "request"
    url: str = Field(description="http(s); user:password@ in it is Basic auth")
    method: Literal["GET", "POST", "PUT", "DELETE", "PATCH"] = "GET"
    headers: Mapping[str, Text] = Field(default_factory=dict)
    body: str | Mapping[str, Any] | list[Any] | None = Field(
        default=None, description="text as it is, anything else as JSON"
    )
    timeout: float = Field(default=0, ge=0, le=60, description="seconds; 0: 10")
    connect_timeout: float = Field(default=0, ge=0, le=60, description="seconds; 0: 5")
    save_variables: bool = Field(
        default=False, description="true: the JSON that comes is kept as request_response"
    )

    async def run(self, control: CallControl) -> Outcome:
        """Ask, and keep what came."""
        call = control.call
        text = isinstance(self.body, str)
        request = WebRequest(
            self.url,
            self.method,
            self.headers,
            data=None if text else self.body,
            body=self.body.encode() if isinstance(self.body, str) else None,
            timeout=self.timeout or REQUEST_SECONDS,
            connect_timeout=self.connect_timeout or CONNECT_SECONDS,
            most=MAX_ANSWER,
            by="request",
        )
        remember(call, request_url=self.url, request_result="failed", request_response_code=None)
        call.scope["vars"].pop("request_response", None)
        reply = await while_caller_stays(call, call.services.web.ask(request))
        remember(
            call,
            request_result="success" if reply.ok else "failed",
            request_response_code=reply.status,
            request_response_body=reply.text[:65_536],
        )
        if self.save_variables:
            remember(call, request_response=_saved(reply))
        return Outcome(reply.ok, f"answered {reply.status}", status=reply.status)


def _saved(reply: WebReply) -> Any:
    try:
        return reply.json()
    except (ValueError, RecursionError):
        return {}


ASKING: tuple[type[Verb], ...] = (SwmlVerb, RequestVerb)
