"""Desk: which client gets which call, and what each is told as its calls go on."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from sipagent.api.calls import LiveCalls, Origination, OutsideError, Principal
from sipagent.config import Relay
from sipagent.events import (
    CallEnded,
    CallStarted,
    DriveChanged,
    Event,
    LegChanged,
    RecordingStopped,
    TapStopped,
)
from sipagent.tasks import Background

from .clients import Client, Clients
from .driven import DrivenCall, Reply
from .facts import CallFacts
from .media import devices

log = structlog.get_logger(__name__)

#: seconds to read what is on record of a call
_ON_RECORD = 0.5
#: what stands for this server in every event
NODE = "sipagent"


@dataclass(slots=True)
class _Held:
    """A call that a client was offered, drives, or has driven."""

    client: Client
    driven: DrivenCall
    tag: str = ""
    dialled: bool = False
    #: False when its plan goes on without the client, who is still told of its end
    theirs: bool = True


@dataclass(slots=True)
class _Offer:
    context: str
    tried: set[str] = field(default_factory=set)


class Desk:
    """Follows the events of all calls for as long as `run` does."""

    def __init__(self, settings: Relay, live: LiveCalls, now: Callable[[], datetime]) -> None:
        self.clients = Clients()
        self.settings = settings
        self._live = live
        self._now = now
        self._facts: dict[str, CallFacts] = {}
        self._held: dict[str, _Held] = {}
        self._offers: dict[str, _Offer] = {}
        self._dialling = 0
        self._reaching = Background()

    async def run(self) -> None:
        """Follow events until cancelled."""
        async for item in self._live.events():
            if item.event is None:
                await self._missed()
            elif item.event.call_id:
                await self._happened(item.event)

    async def find_orphans(self) -> None:
        """Let calls go on that a client drove before this server began: it knows no such client."""
        await asyncio.sleep(self.settings.grace)
        for view in (await self._live.list()).calls:
            if view.call_id in self._facts or not await self._was_driven(view.call_id):
                continue
            log.warning("relay_orphan", call_id=view.call_id)
            with suppress(OutsideError):
                who = Principal("relay:")
                await self._live.do(view.call_id, "give_back", {"reason": "lost"}, who)

    async def _was_driven(self, call_id: str) -> bool:
        """Whether the newest of what is on record is that it is offered or driven."""
        newest = "over"
        with suppress(TimeoutError, OutsideError):
            async with asyncio.timeout(_ON_RECORD):
                async for item in self._live.events(call_id, after=0):
                    if isinstance(item.event, DriveChanged):
                        newest = item.event.change
        return newest != "over"

    async def _missed(self) -> None:
        """Events are gone unseen: calls that are over must not be thought to live."""
        log.warning("relay_events_lost")
        live = {view.call_id for view in (await self._live.list()).calls}
        for call_id in self._facts.keys() - live:
            await self._ended(CallEnded(call_id=call_id, t=0), self._held.get(call_id))

    async def order(self, client: Client, method: str, params: Mapping[str, Any]) -> Reply:
        """An order of a client for a call of its own. Raises NotUnderstood."""
        call_id = params.get("call_id")
        held = self._held.get(call_id) if isinstance(call_id, str) else None
        if held is None or held.client is not client or not held.theirs:
            return Reply(404, "there is no such call of yours")
        assert isinstance(call_id, str)
        if method == "calling.pass":
            await self._passed(call_id, held)
            return Reply(200, "passed on")
        return await held.driven.order(method, params)

    async def dial(self, client: Client, params: Mapping[str, Any]) -> Reply:
        """Call somebody for a client. Raises NotUnderstood."""
        if not client.project.dial:
            return Reply(403, "this project may not call out")
        wanted, tag = devices(params.get("devices")), str(params.get("tag") or "")
        if len(wanted) != 1 or len(wanted[0]) != 1:
            return Reply(501, "one device at a time is dialled here")
        (device,) = wanted[0]
        wish = Origination(
            to=device["to"],
            caller_id=device.get("from"),
            timeout=min(device.get("timeout", 60.0), 600.0),
            plan=self.settings.dial_plan,
            section=self.settings.dial_section,
        )
        self._dialling += 1
        try:
            view = await self._live.originate(wish, self._principal(client))
            held = self._hold(client, view.call_id, tag)
            held.dialled = True
            view = await self._live.get(view.call_id)
        except OutsideError as error:
            return Reply(error.status, str(error))
        finally:
            self._dialling -= 1
        facts = self._facts.get(view.call_id)
        if facts is not None:
            self._state(facts, held)
        elif view.state == "ended":
            del self._held[view.call_id]
            client.tell("calling.call.dial", _dialled(tag, "failed"), self._now().timestamp())
        if view.call_id in self._offers:
            await self._offer(view.call_id)
        return Reply(200, "Dialing")

    async def look_again(self) -> None:
        """Somebody listens who did not: calls on offer may be theirs."""
        for call_id in [call_id for call_id in self._offers if call_id not in self._held]:
            await self._offer(call_id)

    async def lost(self, client: Client) -> None:
        """A client does not come back: its calls go on without it."""
        self.clients.remove(client)
        for call_id, held in list(self._held.items()):
            if held.client is client and held.theirs:
                held.theirs = False
                if call_id in self._offers and not held.driven.taken:
                    await self._passed(call_id, held)
                else:
                    await held.driven.give_back("lost")

    async def close(self) -> None:
        """The server goes down; calls may go on."""
        self._reaching.cancel()
        await asyncio.gather(*(held.driven.close() for held in self._held.values()))

    def _principal(self, client: Client) -> Principal:
        verbs = client.project.verbs
        may = None if verbs is None else verbs | {"take_over", "give_back", "originate"}
        return Principal(f"relay:{client.project_name}", client.origin, may)

    def _hold(self, client: Client, call_id: str, tag: str = "") -> _Held:
        def tell(kind: str, params: Mapping[str, Any]) -> None:
            known = {"call_id": call_id, "node_id": NODE, "segment_id": call_id}
            client.tell(kind, {**known, **params}, self._now().timestamp())

        driven = DrivenCall(call_id, self._live, self._principal(client), tell)
        held = self._held[call_id] = _Held(client, driven, tag)
        return held

    async def _happened(self, event: Event) -> None:
        held = self._held.get(event.call_id)
        match event:
            case CallStarted():
                facts = self._facts[event.call_id] = CallFacts(event.call_id)
                facts.started(event)
            case LegChanged():
                self._leg_changed(event, held)
            case DriveChanged(change="offered"):
                self._offers[event.call_id] = _Offer(event.context)
                await self._offer(event.call_id)
            case DriveChanged(change="over"):
                self._offers.pop(event.call_id, None)
                if held is not None:
                    held.theirs = False
                    await held.driven.close()
            case RecordingStopped() if held is not None:
                await held.driven.recorded(event)
            case TapStopped() if held is not None:
                held.driven.tapped(event)
            case CallEnded():
                await self._ended(event, held)

    def _leg_changed(self, event: LegChanged, held: _Held | None) -> None:
        facts = self._facts.get(event.call_id)
        changed = facts is not None and facts.leg(event)
        if facts is None or held is None:
            return
        # that a call it dials was answered is told when its plan hands it over
        if changed and not (held.dialled and facts.state == "answered"):
            self._state(facts, held)
        held.driven.leg_changed(event)

    def _state(self, facts: CallFacts, held: _Held) -> None:
        params = facts.shown(held.client.project_name, NODE, held.tag)
        held.client.tell("calling.call.state", params, self._now().timestamp())

    def _let_go(self, facts: CallFacts, held: _Held) -> None:
        """A client has nothing to do with a call any more: for it, the call is over."""
        shown = facts.shown(held.client.project_name, NODE, held.tag)
        over = {**shown, "call_state": "ended", "end_reason": "hangup"}
        held.client.tell("calling.call.state", over, self._now().timestamp())

    async def _offer(self, call_id: str) -> None:
        offer, facts = self._offers[call_id], self._facts.get(call_id)
        held = self._held.get(call_id)
        if facts is None:
            return
        if held is not None and held.dialled and held.theirs:
            self._reaching.start(self._reached(facts, held))
        if held is not None and held.theirs:
            return
        if self._dialling and facts.direction == "outbound":
            return  # whose it is shows itself when `dial` goes on
        for client in self.clients.listening(offer.context):
            if client.protocol not in offer.tried:
                offer.tried.add(client.protocol)
                if held is not None and held.client is not client:
                    self._let_go(facts, held)
                self._hold(client, call_id)
                params = facts.shown(client.project_name, NODE) | {"context": offer.context}
                client.tell("calling.call.receive", params, self._now().timestamp())
                return

    async def _reached(self, facts: CallFacts, held: _Held) -> None:
        taken = await held.driven.take()
        tell, tag = held.client.tell, held.tag
        if not taken.ok:
            tell("calling.call.dial", _dialled(tag, "failed"), self._now().timestamp())
            return
        shown = facts.shown(held.client.project_name, NODE, tag) | {"dial_winner": True}
        number = tell(
            "calling.call.dial", _dialled(tag, "answered", shown), self._now().timestamp()
        )
        held.dialled = False
        # published programs look out for the state only when they have the call
        held.client.after(number, lambda: self._state(facts, held))

    async def _passed(self, call_id: str, held: _Held) -> None:
        """The next client's turn; the plan's, where there is none."""
        del self._held[call_id]
        if held.theirs and (facts := self._facts.get(call_id)) is not None:
            self._let_go(facts, held)
        if held.driven.taken:
            await held.driven.give_back("given_back")
            return
        await self._offer(call_id)
        if call_id not in self._held:
            await held.driven.give_back("refused")

    async def _ended(self, event: CallEnded, held: _Held | None) -> None:
        facts = self._facts.pop(event.call_id, None)
        self._offers.pop(event.call_id, None)
        self._held.pop(event.call_id, None)
        if held is None or facts is None:
            return
        await held.driven.close()
        facts.ended(event)
        if held.dialled:
            failed = _dialled(held.tag, "failed")
            held.client.tell("calling.call.dial", failed, self._now().timestamp())
        self._state(facts, held)


def _dialled(tag: str, state: str, call: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"tag": tag, "dial_state": state, "node_id": NODE, **({"call": call} if call else {})}
