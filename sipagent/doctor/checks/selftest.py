"""A call of our own through a front door like the server's: do SIP and RTP pass this machine?"""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_network

from sipagent.config import Settings
from sipagent.doctor.check import Check
from sipagent.doctor.findings import Ailment, Finding, Severity, fine
from sipagent.doctor.patient import Patient
from sipagent.doctor.trial import Trial, trial
from sipagent.edge.routing import route_address
from sipagent.errors import LegFailed, SipAgentError
from sipagent.testing.audio import correlate, rms, speech_like
from sipagent.testing.call import PhoneCall
from sipagent.testing.phone import Phone
from sipagent.testing.sip.transaction import Timers

_PLAN = """
routes: [{to: "echo"}]
agents: {echo: {brain: {provider: echo}}}
sections: {main: [answer, {ai: {agent: echo}}]}
"""
#: nobody is nearer than we ourselves; no reply to 64 times this long: there is none
_TIMERS = Timers(t1=0.25)
#: seconds
_ANSWER, _TALK = 20.0, 1.5
#: RMS above which something is heard, and a correlation above which it is what was said
_SOUND, _ALIKE = 100.0, 0.3
#: share of packets, and ms, on a way that leaves no machine
_LOSS, _DELAY = 0.02, 250.0

NOT_STARTED = Ailment(
    "selftest-not-started",
    Severity.PROBLEM,
    "a server on these addresses does not start, for the reason it says",
    "see the checks `ports`, `rtp-ports`, `disk` and `packages`",
)
SIP_BLOCKED = Ailment(
    "sip-blocked",
    Severity.PROBLEM,
    "SIP does not reach a socket on this very machine: a firewall drops UDP, on loopback too",
    "let the SIP ports in: iptables -L -v or nft list ruleset shows what drops them",
)
CALL_FAILED = Ailment(
    "selftest-call-failed",
    Severity.PROBLEM,
    "the call of our own was not answered, for the reason it says",
    "look at the log of `sipagent serve`; `sipagent demo` tries more",
)
RTP_BLOCKED = Ailment(
    "rtp-blocked",
    Severity.PROBLEM,
    "RTP does not pass between sockets on this very machine: a firewall drops UDP of that range",
    "let rtp.first to rtp.last in, UDP: iptables -L -v or nft list ruleset shows what drops them",
)
RTP_ROUGH = Ailment(
    "rtp-rough",
    Severity.WARNING,
    "RTP is lost or late though it leaves no machine: the CPU is too busy or taken away",
    "see the check `limits`; end what else runs here, and look again",
)


@dataclass(frozen=True, slots=True)
class Echoed:
    """What a phone got back: packets, those lost, level, and the delay in ms where what it heard
    is what it had said.
    """

    packets: int
    lost: int
    level: float
    delay: float | None


async def _run(patient: Patient) -> Sequence[Finding]:
    settings = patient.settings
    host = route_address(settings.rtp.host)
    guests = (*settings.sip.guests, ip_network(host))
    try:
        async with trial(settings, _PLAN, {}, sip={"guests": guests}) as tried:
            return [await _called(tried, host, settings)]
    except (SipAgentError, OSError) as error:
        return [NOT_STARTED.found(str(error))]


async def _called(tried: Trial, host: str, settings: Settings) -> Finding:
    async with Phone(host=host, timers=_TIMERS) as phone:
        call = await phone.dial(f"sip:echo@{tried.place}")
        try:
            await call.wait_answered(_ANSWER)
        except (LegFailed, TimeoutError) as error:
            status = error.status if isinstance(error, LegFailed) else 408
            if status == 408 and not call.messages():
                return SIP_BLOCKED.found(f"no answer from our own {tried.place}", key="sip.listen")
            return CALL_FAILED.found(f"a call to our own {tried.place}: {error}")
        echoed = await _spoken(call)
        await call.hangup()
    return judged(echoed, settings)


async def _spoken(call: PhoneCall) -> Echoed:
    said, begun = speech_like(_TALK), time.perf_counter()
    await call.play(said)
    with suppress(TimeoutError):  # it goes on talking: what was heard so far is enough
        await call.wait_for_silence(300, 2)
    heard = call.stream.heard.pcm(begun)
    found = correlate(said, heard)
    reception = call.stream.reception
    delay = found.lag_ms if abs(found.corr) > _ALIKE else None
    return Echoed(reception.packets, reception.lost, rms(heard), delay)


def judged(echoed: Echoed, settings: Settings) -> Finding:
    """What a call of our own says about the way of RTP."""
    rtp = f"UDP {settings.rtp.first}-{settings.rtp.last}"
    if echoed.level < _SOUND:
        whom = "the server hears nothing of a phone" if echoed.packets else "no RTP comes back"
        return RTP_BLOCKED.found(f"{whom} on this machine ({rtp})", key="rtp.first")
    delay = "" if echoed.delay is None else f" after {echoed.delay:.0f} ms"
    what = f"SIP and RTP pass; an echo comes back{delay}, {echoed.lost} packets lost"
    lossy = echoed.lost > _LOSS * (echoed.packets + echoed.lost)
    if lossy or (echoed.delay or 0.0) > _DELAY:
        return RTP_ROUGH.found(what)
    return fine(what, "rtp")


CHECK = Check(
    "selftest",
    "a call of our own",
    _run,
    (NOT_STARTED, SIP_BLOCKED, CALL_FAILED, RTP_BLOCKED, RTP_ROUGH),
    seconds=90.0,
)
