"""DrivenCall: one call in the hands of a client, its orders, and what the client is told of it."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from sipagent.api.calls import CallOver, LiveCalls, OutsideError, Principal, UnknownCall
from sipagent.call.verb import Outcome
from sipagent.events import LegChanged, RecordingStopped, TapStopped
from sipagent.tasks import stopped

from .orders import STOPPED, STOPS, Order, control_id, order_of

#: seconds in which an operation that cannot be begun mostly says so; later it is told by an event
_AT_ONCE = 0.1
#: operations of one call at a time
_MOST = 16


class Tell(Protocol):
    """Sends an event of this call to its client."""

    def __call__(self, kind: str, params: Mapping[str, Any]) -> None:
        """`kind` as the vendor names it."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """How an order is answered; `code` as the vendor's servers give it."""

    code: int
    message: str

    def body(self, call_id: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The result of the request."""
        found = {"code": str(self.code), "message": self.message, "call_id": call_id}
        return found | {key: params[key] for key in ("control_id", "tag") if key in params}


@dataclass(slots=True)
class _Operation:
    number: str
    order: Order
    task: "asyncio.Task[Outcome] | None" = None
    begun: bool = False
    connected: bool = False


class DrivenCall:
    """Takes orders until `close`; every operation that was begun is told to be over before."""

    def __init__(self, call_id: str, live: LiveCalls, who: Principal, tell: Tell) -> None:
        self.id = call_id
        self._live = live
        self._who = who
        self._tell = tell
        self._operations: dict[str, _Operation] = {}
        self._taken = False
        self._numbers = 0

    async def order(self, method: str, params: Mapping[str, Any]) -> Reply:
        """Carry out one order. Raises NotUnderstood for what it says wrong."""
        if method in STOPS:
            return await self._stop(STOPS[method], params)
        order = order_of(method, params)
        if order is None:
            return Reply(501, f"{method} is not supported here")
        taken = await self.take()
        if not taken.ok:
            return Reply(_code(taken), taken.detail)
        if order.event:
            return await self._begin(order, params)
        outcome = await self._done(order.verb, order.arguments)
        if outcome.ok:
            self._told_after(method, params)
        return Reply(200 if outcome.ok else _code(outcome), outcome.detail or "done")

    @property
    def taken(self) -> bool:
        """True once it was the client's."""
        return self._taken

    async def take(self) -> Outcome:
        """Make it the client's, if it is not yet."""
        if self._taken:
            return Outcome()
        outcome = await self._done("take_over", {})
        self._taken = outcome.ok
        return outcome

    async def give_back(self, reason: str) -> None:
        """The plan goes on; what runs is stopped."""
        await self.close()
        await self._done("give_back", {"reason": reason})

    async def close(self) -> None:
        """Stop what runs and tell its end."""
        running = [op.task for op in self._operations.values() if op.task is not None]
        await stopped(*running)

    # What the call's own events mean for its operations.

    def leg_changed(self, event: LegChanged) -> None:
        """Somebody who was called has answered."""
        if event.role != "callee" or event.state != "confirmed":
            return
        for operation in self._operations.values():
            if operation.order.verb == "connect" and not operation.connected:
                self._begun(operation)
                operation.connected = True
                device = {"type": "sip", "params": {"to": event.remote}}
                peer = {"call_id": event.leg, "node_id": "", "device": device}
                self._event(operation, {"connect_state": "connected", "peer": peer})

    async def recorded(self, event: RecordingStopped) -> None:
        """A recording is whole."""
        facts: dict[str, Any] = {"url": "", "duration": event.duration_ms / 1000, "size": 0}
        with suppress(OutsideError, OSError):
            if (file := await self._live.recording(self.id, event.path)) is not None:
                facts |= {"url": file.path.resolve().as_uri(), "size": file.size}
        about = {"control_id": event.control_id, "state": "finished", **facts, "record": facts}
        self._tell("calling.call.record", about)

    def tapped(self, event: TapStopped) -> None:
        """A tap or stream is over."""
        about = {"control_id": event.control_id, "state": "finished"}
        self._tell("calling.call.tap", about)
        self._tell("calling.call.stream", about)

    async def _begin(self, order: Order, params: Mapping[str, Any]) -> Reply:
        self._numbers += 1
        number = control_id(params) if "control_id" in params else f"{order.verb}-{self._numbers}"
        if number in self._operations or len(self._operations) >= _MOST:
            return Reply(409, "there is such an operation already, or there are too many")
        operation = self._operations[number] = _Operation(number, order)
        work = asyncio.ensure_future(self._done(order.verb, order.arguments))
        operation.task = work
        work.add_done_callback(lambda task: self._over(operation, task))
        await asyncio.wait({work}, timeout=_AT_ONCE)
        if work.done() and not work.cancelled() and not work.result().ok:
            return Reply(_code(work.result()), work.result().detail)
        self._begun(operation)
        return Reply(200, "begun")

    def _over(self, operation: _Operation, work: "asyncio.Task[Outcome]") -> None:
        self._operations.pop(operation.number, None)
        outcome = STOPPED if work.cancelled() else work.result()
        if outcome.ok:
            self._begun(operation)
        if operation.order.end is not None:
            self._event(operation, operation.order.end(outcome))

    def _begun(self, operation: _Operation) -> None:
        if not operation.begun and operation.order.begun is not None:
            operation.begun = True
            self._event(operation, operation.order.begun)

    async def _stop(self, kind: str, params: Mapping[str, Any]) -> Reply:
        wanted = params.get("control_id")
        for operation in reversed(self._operations.values()):
            if operation.order.event == kind and wanted in (None, operation.number):
                assert operation.task is not None
                operation.task.cancel()
                await asyncio.wait({operation.task})
                return Reply(200, "stopped")
        return Reply(404, "there is no such operation")

    def _told_after(self, method: str, params: Mapping[str, Any]) -> None:
        """Events of orders that are done when they are answered, or that go on by themselves."""
        about = {"control_id": params.get("control_id", "")}
        match method:
            case "calling.send_digits":
                self._tell("calling.call.send_digits", {**about, "state": "finished"})
            case "calling.record":
                self._tell("calling.call.record", {**about, "state": "recording"})
            case "calling.play.pause" | "calling.play.resume":
                state = "paused" if method.endswith("pause") else "playing"
                self._tell("calling.call.play", {**about, "state": state})
            case "calling.record.pause" | "calling.record.resume":
                state = "paused" if method.endswith("pause") else "recording"
                self._tell("calling.call.record", {**about, "state": state})
            case "calling.tap":
                kept = {key: params.get(key, {}) for key in ("tap", "device")}
                self._tell("calling.call.tap", {**about, "state": "tapping", **kept})
            case "calling.stream":
                self._tell("calling.call.stream", {**about, "state": "streaming"})
            case "calling.hold" | "calling.unhold":
                self._tell("calling.call.hold", {"state": method.rpartition(".")[2]})

    def _event(self, operation: _Operation, params: Mapping[str, Any]) -> None:
        told = {"control_id": operation.number, **(operation.order.told or {}), **params}
        self._tell(operation.order.event, told)

    async def _done(self, verb: str, arguments: Mapping[str, Any]) -> Outcome:
        """How a verb came out; what it says wrong is raised as NotUnderstood."""
        try:
            return await self._live.do(self.id, verb, arguments, self._who)
        except (CallOver, UnknownCall) as error:
            return Outcome(False, str(error), status=404)
        except OutsideError as error:
            return Outcome(False, str(error), status=error.status)


def _code(outcome: Outcome) -> int:
    """404 and 410 tell a client that the call is gone; a verb's own 404 means something else."""
    return outcome.status if outcome.status and 400 <= outcome.status < 600 else 500
