"""A call to a number by its trunk: is it taken, and what comes back of the tones we send?"""

import asyncio
import wave
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sipagent.api.calls import Origination, OutsideError, Principal
from sipagent.call.policy import Policy
from sipagent.config import Api, Settings
from sipagent.doctor.check import Check
from sipagent.doctor.findings import Ailment, Finding, Severity, fine
from sipagent.doctor.outpost import public_host
from sipagent.doctor.patient import Patient
from sipagent.doctor.trial import Trial, trial
from sipagent.errors import SipAgentError
from sipagent.events import CallEnded, Event, LegChanged, LegMedia, RecordingStarted, Warned
from sipagent.store.vault import PLAIN
from sipagent.testing.audio import correlate, rms, speech_like

_PLAN = """
sections:
  main:
    - record_call: {stereo: true}
    - play: tones.wav
    - sleep: 1000
    - hangup
"""
#: seconds: of ringing, of what is played
_RINGS, _TALK = 45.0, 3.0
_SOUND, _ALIKE = 60.0, 0.25
_PIECE = 0.5
_LOSS, _JITTER, _DELAY = 0.01, 30.0, 400.0
_BUSY = frozenset({486, 600, 603})

NO_CODEC = Ailment(
    "call-no-common-codec",
    Severity.PROBLEM,
    "the call was refused for its media (488): no codec in common, or encryption on one side only",
    "set codecs and srtp of the trunk to what the far end takes",
)
CALL_FORBIDDEN = Ailment(
    "call-forbidden",
    Severity.PROBLEM,
    "the trunk does not let us call out: credentials, our address, the caller's number, or the "
    "account",
    "set username, password and caller_id as the carrier gave them; ask with that status",
)
NUMBER_UNKNOWN = Ailment(
    "call-number-unknown",
    Severity.PROBLEM,
    "the far end knows no such number, as we dial it",
    "look at numbers.send, prefix and strip of the trunk: the ladder has what was dialled",
)
CALL_DENIED = Ailment(
    "call-denied",
    Severity.PROBLEM,
    "our own rules refuse the number, or no trunk takes it",
    "set guard.toll, or prefixes of the trunk, or call another number",
)
CALL_UNANSWERED = Ailment(
    "call-unanswered",
    Severity.WARNING,
    "the number is busy, rings without an answer, or its phone is off: nothing is known of audio",
    "call a number that answers by itself: the carrier's echo test",
)
CALL_REFUSED = Ailment(
    "call-refused",
    Severity.PROBLEM,
    "the trunk or the far end failed, for the reason it says",
    "ask the carrier, with that status",
)
NO_AUDIO_IN = Ailment(
    "call-no-rtp",
    Severity.PROBLEM,
    "the call was answered and no RTP came: a firewall or NAT between, or a wrong address in SDP",
    "let rtp.first to rtp.last in (UDP), and set rtp.public_address to what the world sees",
)
SILENT_AUDIO = Ailment(
    "call-silence",
    Severity.WARNING,
    "RTP comes, and nothing is heard in it: the far end is mute, or hears nothing to answer",
    "call the carrier's echo test: if it is silent too, our RTP does not get there",
)
NO_ECHO = Ailment(
    "call-no-echo",
    Severity.NOTE,
    "something is heard, but not what we sent: the number is no echo test",
    "call the carrier's echo test to prove the way there as well",
)
ROUGH_AUDIO = Ailment(
    "call-rough-audio",
    Severity.WARNING,
    "packets are lost, come unevenly or late: the line to the carrier, or a busy machine",
    "see the check `selftest` for this machine's part; then ask the provider of the line",
)


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back: its level, and the round trip in ms where it was what we sent."""

    level: float = 0.0
    delay: float | None = None


async def _run(patient: Patient) -> Sequence[Finding]:
    try:
        async with ready(patient.settings) as tried:
            return [await placed(tried, patient.number)]
    except (SipAgentError, OSError) as error:
        return [CALL_REFUSED.found(f"{patient.number}: {error}")]


def ready(settings: Settings) -> AbstractAsyncContextManager[Trial]:
    """A server with the trunks of the settings, which registers nowhere, to call by."""
    said = public_host(settings) or settings.sip.public_address  # without its port: ours differs
    quiet = {"registration": None, "options_seconds": 0.0}
    keys = {
        "trunks": {n: trunk.model_copy(update=quiet) for n, trunk in settings.trunks.items()},
        "sip": {"tls": settings.sip.tls, "public_address": said},
        "rtp": {"public_address": settings.rtp.public_address},
        "api": Api(port=0, policy=Policy(destinations=("*",))),
    }
    return trial(settings, _PLAN, {"tones.wav": speech_like(_TALK)}, **keys)


async def placed(tried: Trial, number: str) -> Finding:
    """Call, play and listen."""
    wish = Origination(to=number, timeout=_RINGS)
    try:
        view = await tried.gateway.live.originate(wish, Principal("doctor"))
    except OutsideError as error:
        return CALL_DENIED.found(f"{number}: {error}")
    folder = await tried.ended(view.call_id)
    events = [event for event in tried.events if event.call_id == view.call_id]
    return judged(number, events, await asyncio.to_thread(_listened, folder, events))


def judged(number: str, events: Sequence[Event], heard: Heard) -> Finding:
    """What the events of a call, and what was heard in it, mean."""
    answered = any(isinstance(e, LegChanged) and e.state == "confirmed" for e in events)
    end = next((e for e in events if isinstance(e, CallEnded)), None)
    if not answered:
        return _refused(number, end)
    media = next((e for e in events if isinstance(e, LegMedia)), None)
    why = next((e.detail for e in events if isinstance(e, Warned)), "")
    cause = why.partition(": ")[2]
    if media is None or not media.received:
        what = f"{number} answered, and no RTP came back"
        return NO_AUDIO_IN.found(what, key="rtp.public_address", cause=cause)
    figures = _figures(media)
    if heard.level < _SOUND:
        return SILENT_AUDIO.found(f"{number}: {figures}, all of it silence", cause=cause)
    if _rough(media, heard):
        return ROUGH_AUDIO.found(f"{number}: {figures}{_after(heard)}")
    if heard.delay is None:
        return NO_ECHO.found(f"{number}: {figures}, no echo")
    return fine(f"{number}: {figures}{_after(heard)}")


def _refused(number: str, end: CallEnded | None) -> Finding:
    status, reason = (end.status, end.reason) if end is not None else (408, "no answer")
    match status:
        case 488 | 606 | 415:
            ailment = NO_CODEC
        case 401 | 402 | 403 | 407:
            ailment = CALL_FORBIDDEN
        case 404 | 410 | 484 | 485 | 604:
            ailment = NUMBER_UNKNOWN
        case 408 | 480 | 487:
            ailment = CALL_UNANSWERED
        case _:
            ailment = CALL_UNANSWERED if status in _BUSY else CALL_REFUSED
    return ailment.found(f"{number}: {status} {reason}")


def _figures(media: LegMedia) -> str:
    lost = f"{media.received} packets of {media.codec} heard, {media.lost} lost"
    there = "" if media.remote_lost is None else f", {media.remote_lost} of ours lost there"
    return f"{lost}{there}, jitter {media.jitter_ms:.0f} ms"


def _after(heard: Heard) -> str:
    return "" if heard.delay is None else f", echo after {heard.delay:.0f} ms"


def _rough(media: LegMedia, heard: Heard) -> bool:
    lost = media.lost > _LOSS * (media.received + media.lost)
    lost_there = (media.remote_lost or 0) > _LOSS * media.sent
    return lost or lost_there or media.jitter_ms > _JITTER or (heard.delay or 0.0) > _DELAY


def _listened(folder: Path, events: Sequence[Event]) -> Heard:
    """What the recording has of the far end: left is theirs, right is ours."""
    paths = [folder / e.path for e in events if isinstance(e, RecordingStarted)]
    with suppress(OSError, EOFError, wave.Error, IndexError):
        with PLAIN.open(paths[0]) as sound, wave.open(sound, "rb") as file:
            rate = file.getframerate()
            both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
        theirs, ours = both[:, 0].tobytes(), both[:, 1].tobytes()
        return Heard(rms(theirs), _delay(ours, theirs, rate))
    return Heard()


def _delay(ours: bytes, theirs: bytes, rate: int) -> float | None:
    """The middle one of the lags of pieces of ours that are found in theirs."""
    size = 2 * int(_PIECE * rate)
    lags = []
    for at in range(0, len(ours) - size, size):
        piece = ours[at : at + size]
        if rms(piece) < _SOUND:
            continue
        found = correlate(piece, theirs[at : at + 6 * size], rate)
        if abs(found.corr) > _ALIKE and found.lag_ms > 0:
            lags.append(found.lag_ms)
    return float(np.median(lags)) if len(lags) > 1 else None


CHECK = Check(
    "call",
    "the call that was asked for",
    _run,
    (
        *(NO_CODEC, CALL_FORBIDDEN, NUMBER_UNKNOWN, CALL_DENIED, CALL_UNANSWERED, CALL_REFUSED),
        *(NO_AUDIO_IN, SILENT_AUDIO, NO_ECHO, ROUGH_AUDIO),
    ),
    seconds=100.0,
)
