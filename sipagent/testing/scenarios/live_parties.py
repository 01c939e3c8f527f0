"""Parties of a live call: one phone that is everybody who is dialled, and names that lead there."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sipagent.call.target import normalise
from sipagent.errors import CallError, LegFailed
from sipagent.testing.call import PhoneCall
from sipagent.testing.nameserver import NameServer
from sipagent.testing.phone import Phone
from sipagent.testing.voice import speak

from .format import Act, LegScript

#: hosts that a plan names in SIP URIs
_HOSTS = re.compile(r"sips?:[^@\s\"']*@([A-Za-z0-9][A-Za-z0-9.-]*\.[A-Za-z]+)")
_NOBODY = LegScript(status=404, answers_after=0.1)
#: between two things that somebody does of themselves, seconds
_BREATH = 0.5
VOICE = "en-gb+m3"
#: another loopback address than callers have: a trunk is known by its own
_HOST = "127.0.0.2"


@dataclass(slots=True)
class LiveParties:
    """Behaves as `legs` says, which may change from call to call."""

    phone: Phone
    names: NameServer
    legs: Mapping[str, LegScript]

    async def called(self, call: PhoneCall) -> None:
        """Somebody is called; see `Phone.on_call`."""
        script = self._script(call)
        began = 0.0
        if script.rings_after is not None and script.rings_after < (script.answers_after or 1e9):
            await asyncio.sleep(script.rings_after)
            began = script.rings_after
            call.ring()
        if script.answers_after is None:
            return
        await asyncio.sleep(max(0.0, script.answers_after - began))
        if call.ended.done():
            return
        if script.status >= 300:
            call.refuse(script.status)
            return
        call.answer()
        with suppress(LegFailed, TimeoutError):
            await call.wait_answered()
            for act in script.then:
                await _do(call, act)

    def _script(self, call: PhoneCall) -> LegScript:
        uri = call.invite.uri if call.invite is not None else ""
        known = _known(uri.partition(";")[0])
        user = known.partition(":")[2].partition("@")[0]
        for pattern, script in self.legs.items():
            if fnmatchcase(known, _known(pattern)) or fnmatchcase(user, pattern):
                return script
        return _NOBODY


def _known(target: str) -> str:
    try:
        return normalise(target)
    except CallError:
        return target


async def _do(call: PhoneCall, act: Act) -> None:
    await asyncio.sleep(act.waits or _BREATH)
    if call.ended.done():
        return
    if act.says:
        await call.play(await asyncio.to_thread(speak, act.says, VOICE))
    elif act.presses:
        await call.press(act.presses)
    elif act.hangs_up:
        await call.hangup()


@asynccontextmanager
async def live_parties(document: Mapping[str, object]) -> AsyncIterator[LiveParties]:
    """A phone at every host that a plan's document names, while the block runs."""
    async with Phone(user="anybody", host=_HOST) as phone:
        host, port = phone.address
        zone: dict[tuple[str, str], list[str]] = {}
        for name in set(map(str.lower, _HOSTS.findall(json.dumps(document)))):
            zone[name, "A"] = [host]
            zone[f"_sip._udp.{name}", "SRV"] = [f"0 0 {port} {name}."]
        async with NameServer(zone) as names:
            parties = LiveParties(phone, names, {})
            phone.on_call = parties.called
            yield parties
