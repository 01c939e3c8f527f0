"""Verbs that speak to other programs: execute_rpc to calls, user_event to who listens."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from sipagent.call.control import CallControl
from sipagent.call.identity import swml_id
from sipagent.call.session import CallSession
from sipagent.call.shared_data import SharedData
from sipagent.call.verb import Outcome, Verb
from sipagent.errors import CallError, PlanError
from sipagent.events import UserEvent

from .actions import Part, parsed
from .flow import remember
from .holding import begin_hold, end_hold
from .playing import MUSIC

#: seconds a hold by RPC lasts where it says nothing
_HOLD = 300.0


class _Message(Part):
    role: Literal["system", "user", "assistant"] = "system"
    message_text: str = Field(default="", max_length=20_000)
    global_data: dict[str, Any] = Field(default_factory=dict)


class _Hold(Part):
    timeout: float = Field(default=_HOLD, gt=0, le=3600)


class ExecuteRpcVerb(Verb):
    """Ask something of this call, or of another one by its id: `ai_message`, `ai_hold`,
    `ai_unhold`; or `dial` a new one.

    Sets rpc_result (success or failed), rpc_failed_reason and rpc_call_id.
    """

    name: ClassVar[str] = "execute_rpc"
    method: Literal["ai_message", "ai_hold", "ai_unhold", "dial"]
    params: Mapping[str, Any] = Field(default_factory=dict)
    call_id: str | None = Field(default=None, description="default: this call")
    node_id: str | None = Field(default=None, description="there is one node: this one")

    @property
    def targets(self) -> tuple[str, ...]:
        """Whom a `dial` would reach."""
        to, _ = self._devices if self.method == "dial" else ("", "")
        return (to,) if to else ()

    @property
    def _devices(self) -> tuple[str, str]:
        """To whom, and from whom; empty where it is not said."""
        devices = self.params.get("devices")
        while isinstance(devices, list) and devices:
            devices = devices[0]
        wanted = devices.get("params") if isinstance(devices, Mapping) else None
        told = wanted if isinstance(wanted, Mapping) else self.params
        to = told.get("to_number") or told.get("to") or told.get("to_uri")
        return str(to or ""), str(told.get("from_number") or told.get("from") or "")

    async def run(self, control: CallControl) -> Outcome:
        """Do it here, or have it done there."""
        call = control.call
        remember(call, rpc_result="failed", rpc_failed_reason="", rpc_call_id="")
        try:
            detail, call_id = await self._done(call)
        except CallError as error:
            remember(call, rpc_failed_reason=str(error))
            raise
        remember(call, rpc_result="success", rpc_call_id=call_id)
        return Outcome(detail=detail, data={"call_id": call_id})

    async def _done(self, call: CallSession) -> tuple[str, str]:
        if self.method == "dial":
            to, caller_id = self._devices
            if not to:
                raise PlanError("execute_rpc: dial needs devices: {type, params: {to_number}}")
            wish = {"to": to, "from": caller_id, "dest_swml": self.params.get("dest_swml")}
            done = await call.services.others.execute("dial", None, wish)
            return f"{to} is being called", str(done.get("call_id", ""))
        if self.call_id not in (None, call.id, swml_id(call)):
            done = await call.services.others.execute(self.method, self.call_id, self.params)
            return f"{self.method} was done there", str(done.get("call_id", self.call_id))
        await self._here(call)
        return f"{self.method} was done", swml_id(call)

    async def _here(self, call: CallSession) -> None:
        if self.method == "ai_unhold":
            await end_hold(call)
        elif self.method == "ai_hold":
            await begin_hold(call, MUSIC, parsed(_Hold, self.params, self.method).timeout)
        else:
            message = parsed(_Message, self.params, self.method)
            if message.global_data:
                SharedData(call.scope).set_global(message.global_data)
            if message.message_text:
                if call.live_agent is None:
                    raise CallError("no agent talks in this call")
                role: Literal["system", "user"] = "user" if message.role == "user" else "system"
                call.live_agent.tell(message.message_text, role)


class UserEventVerb(Verb):
    """Put an event of the plan's own on record, for who listens to this call's events."""

    name: ClassVar[str] = "user_event"
    event: Mapping[str, Any] = Field(description="any JSON object")

    async def run(self, control: CallControl) -> Outcome:
        """Emit it."""
        control.call.emit(UserEvent, data=dict(self.event))
        remember(control.call, user_event_result="success")
        return Outcome(detail="the event was sent")


REMOTE: tuple[type[Verb], ...] = (ExecuteRpcVerb, UserEventVerb)
