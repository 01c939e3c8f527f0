"""Switchboard: what one live call asks of another (`execute_rpc`), done in its name."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from sipagent.api.calls import LiveCalls, NotUnderstood, Origination, OutsideError, Principal
from sipagent.call.identity import swml_call_id
from sipagent.tasks import Background
from sipagent.worker.handle import WorkerHandle
from sipagent.worker.protocol import Assignment, Reach, Reached

from .originating import Originator

#: wishes at a time, of all calls; what comes beyond is refused
_AT_ONCE = 200


class Switchboard:
    """A plan's own wish, carried out in another call by its worker, under the policies in force
    there; on record there as by `call:ID`.
    """

    def __init__(self, live: LiveCalls, originator: Originator) -> None:
        self._live = live
        self._originator = originator
        self._tasks = Background()

    def asked(self, worker: WorkerHandle, message: Reach) -> None:
        """A worker asks."""
        if worker.assignment is None:
            return
        if len(self._tasks) >= _AT_ONCE:
            busy = "too much is asked of other calls at the moment"
            worker.send(Reached(n=message.n, ok=False, status=503, detail=busy))
            return
        self._tasks.start(self._answer(worker, worker.assignment, message))

    async def close(self) -> None:
        """Nobody is waited for any more."""
        await self._tasks.stop()

    async def _answer(self, worker: WorkerHandle, asker: Assignment, message: Reach) -> None:
        who = Principal(by=f"call:{asker.call_id}")
        try:
            if message.method == "dial":
                reached = await self._dialled(asker, who, message)
            else:
                reached = await self._done(who, message)
        except OutsideError as error:
            reached = Reached(n=message.n, ok=False, status=error.status, detail=str(error))
        except ValidationError as error:
            why = str(error.errors()[0]["msg"])
            reached = Reached(n=message.n, ok=False, status=422, detail=why)
        worker.send(reached)

    async def _dialled(self, asker: Assignment, who: Principal, message: Reach) -> Reached:
        """A new call, under the policy of the one that asks, and `api.policy`."""
        document = message.params.get("dest_swml")
        if isinstance(document, Mapping):
            document = json.dumps(document)
        if not isinstance(document, str) or not document:
            raise NotUnderstood("dial needs dest_swml: a URL, or a document", "dest_swml")
        wish = Origination(
            to=str(message.params.get("to", "")),
            plan=asker.plan.name,
            caller_id=message.params.get("from") or None,
        )
        call_id = await self._originator.call(wish, who, document=document)
        return Reached(n=message.n, ok=True, call_id=swml_call_id(call_id))

    async def _done(self, who: Principal, message: Reach) -> Reached:
        views = (await self._live.list()).calls
        wanted = message.call_id
        found = (v.call_id for v in views if wanted in (v.call_id, swml_call_id(v.call_id)))
        call_id = next(found, None)
        if call_id is None:
            return Reached(n=message.n, ok=False, status=404, detail="there is no such call")
        for verb, arguments in _orders(message):
            outcome = await self._live.do(call_id, verb, arguments, who)
            if not outcome.ok:
                status = outcome.status or 409
                return Reached(n=message.n, ok=False, status=status, detail=outcome.detail)
        return Reached(n=message.n, ok=True, call_id=wanted)


def _orders(message: Reach) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The verbs that a method stands for, with their arguments."""
    params = message.params
    if message.method == "ai_hold":
        timeout = params.get("timeout")
        yield "hold", {} if timeout is None else {"timeout": timeout}
    elif message.method == "ai_unhold":
        yield "resume", {}
    else:
        if data := params.get("global_data"):
            yield "set_global_data", {"data": data}
        if text := params.get("message_text"):
            role = "user" if params.get("role") == "user" else "system"
            yield "tell", {"text": text, "role": role}
