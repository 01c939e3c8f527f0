"""The bed's own scenarios: every kind of caller the goals speak of, seeds fixed."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from sipagent.agent.protocols import Awaited

from .scenario import Echo, Expects, Line, Noise, Scenario, SoundName

VOICES = (
    *("en-us+f2", "en-gb+m3", "en-029+f4", "en-gb-scotland+m1", "en-us+m7", "en-gb-x-rp+f3"),
    *("en-us+m2", "en-gb+f1"),
)
#: what the agent says to be talked over: long, so that much fits in
SPEECH = " ".join(
    ["This is one of the many sentences that the agent says to whoever listens without a pause"] * 6
)
QUESTIONS = (
    "What are your opening hours?",
    "Where is my order?",
    "I would like to speak to a person, please.",
    "Yes.",
    "No, thank you.",
    "Can you tell me how much it costs to send a parcel to France?",
    "Good morning. I would like to book a table for tomorrow evening.",
)
NUMBERS = (
    "my number is 4 9 3 0 [900] 5 5 1 [1200] 7 7 2 4",
    "oh seven seven [1300] one two three [1500] four five six",
    "it is 4 4 2 1 [800] 9 0 0 5 [1000] 3 3 1 8 [900] 2 7 6 0",
)
_RECORDED = (
    *("vm-pls-try-again", "transfer", "tt-somethingwrong", "vm-toreply", "conf-getpin"),
    *("demo-nomatch", "vm-enter-num-to-call", "privacy-incorrect", "queue-thankyou"),
)
SPELLED = (
    "my name is K O [800] W A L [900] S K I",
    "it is A N N A [900] at example [800] dot com",
    "twelve B [900] Station Road [800] Oxford",
)
INTERRUPTIONS = (
    "Stop, please, I have a question.",
    "Wait a moment.",
    "No, that is not what I want.",
    "Hello? Can I say something?",
    "Sorry, I did not understand that.",
    "Can I speak to a person?",
)
BACKCHANNELS = ("mhm", "okay", "right", "yeah", "uh-huh", "I see", "mm-hmm", "yeah, right")

#: (echo below the agent's voice in dB, delay in ms): a bad line, a hands-free set, a mobile network
_ECHOES = ((-12.0, 60), (-20.0, 160), (-26.0, 300), (-30.0, 220))
_NOISES = (
    Noise(kind="white", snr_db=15),
    Noise(kind="pink", snr_db=15),
    Noise(kind="babble", snr_db=20),
)
_SOUNDS: tuple[SoundName, ...] = (*("cough", "throat", "laugh", "sigh", "breath", "click", "door"),)


@dataclass(frozen=True, slots=True)
class _Around:
    """What is on the caller's line beside their voice."""

    noise: Noise | None = None
    echo: Echo | None = None


_CLEAN = (_Around(),)
_NOISY = tuple(_Around(noise=noise) for noise in _NOISES)
_ECHOED = tuple(_Around(echo=Echo(level_db=level, delay_ms=delay)) for level, delay in _ECHOES)


def library(events: int = 200, *, human: bool = False) -> tuple[Scenario, ...]:
    """At least `events` of each kind. `human`: also with Debian's recorded prompts for callers."""
    lines, sounds = spoken(INTERRUPTIONS), [Line(sound=sound) for sound in _SOUNDS]
    return (
        *_turns("questions", spoken(QUESTIONS), events),
        *_turns("questions in noise", spoken(QUESTIONS), events, around=_NOISY),
        *_turns("numbers awaited, with pauses", spoken(NUMBERS), events, awaits="number"),
        *_turns("numbers told unasked, with pauses", spoken(NUMBERS), events),
        *_turns("names, e-mail, addresses awaited", spoken(SPELLED), events, awaits="spelling"),
        *_over("interruptions", "yielded", lines, events),
        *_over("interruptions in noise", "yielded", lines, events, around=_NOISY),
        *_over("interruptions over echo", "yielded", lines, events, around=_ECHOED),
        *_over("backchannels", "resumed", spoken(BACKCHANNELS), events),
        *_over("coughs and other sounds", "resumed", sounds, events),
        *_over("echo of the agent", "resumed", [Line()], events, around=_ECHOED),
        *_over("noise", "resumed", [Line()], events, around=_NOISY),
        *(_human(events) if human else ()),
    )


def _human(events: int) -> tuple[Scenario, ...]:
    recorded = [Line(prompt=name) for name in _RECORDED]
    return (
        *_turns("questions, human voice", recorded, events),
        *_over("interruptions, human voice", "yielded", recorded, events),
    )


def _turns(
    kind: str,
    lines: Sequence[Line],
    events: int,
    *,
    around: Sequence[_Around] = _CLEAN,
    awaits: Awaited = "speech",
) -> tuple[Scenario, ...]:
    return tuple(
        Scenario(
            name=_name(kind, number, around),
            kind=kind,
            lines=tuple(lines),
            times=_times(events, len(lines) * len(around)),
            seed=number + 1,
            voices=VOICES,
            noise=one.noise,
            awaits=awaits,
            says="Yes.",
        )
        for number, one in enumerate(around)
    )


def _over(
    kind: str,
    expects: Expects,
    lines: Sequence[Line],
    events: int,
    *,
    around: Sequence[_Around] = _CLEAN,
) -> tuple[Scenario, ...]:
    return tuple(
        Scenario(
            name=_name(kind, number, around),
            kind=kind,
            expects=expects,
            lines=tuple(lines),
            times=_times(events, len(lines) * len(around)),
            seed=number + 1,
            voices=VOICES,
            noise=one.noise,
            echo=one.echo,
            hold_ms=0 if any(line.say or line.sound for line in lines) else 1000,
            says=SPEECH,
        )
        for number, one in enumerate(around)
    )


def spoken(texts: Sequence[str]) -> tuple[Line, ...]:
    """A line for each text."""
    return tuple(Line(say=text) for text in texts)


def _name(kind: str, number: int, among: Sequence[object]) -> str:
    return kind if len(among) == 1 else f"{kind}, {number + 1}"


def _times(events: int, at_once: int) -> int:
    return max(1, ceil(events / at_once))
