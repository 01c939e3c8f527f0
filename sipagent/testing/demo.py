"""The demo: a server, a caller and a second phone on loopback, and one whole call between them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from statistics import median

from sipagent.app.gateway import Gateway
from sipagent.app.plans import open_plans
from sipagent.config import Listener, Settings, Sip, Store
from sipagent.errors import SipAgentError
from sipagent.events import BargeIn, CallEnded, Event, PolicyDecided, Said, VerbDone

from .audio import correlate
from .call import PhoneCall
from .phone import Phone
from .voice import speak

_HOURS, _PREMIUM, _SALES = (
    "what are your opening hours",
    "put me through to the premium number",
    "connect me to the sales department",
)
_LAST_WORDS = "Hello Brenda, I would like to order a hundred umbrellas."
#: how often the caller repeats what was not understood, as a person would
_TRIES = 3
_PATIENCE = 20.0
#: correlation of what was said with what was heard, for the middle one of its pieces; other
#: sounds stay below 0.3
_ALIKE = 0.45
#: samples of a piece: a packet late on a busy machine shifts what follows it, within one piece only
_PIECE = 4000


class DemoFailed(SipAgentError):
    """The call did not go as it should; the text says at which point."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the demo must show."""

    name: str
    ok: bool
    detail: str = ""


@dataclass(slots=True)
class DemoResult:
    """What came of it."""

    call_id: str
    bundle: Path
    events: list[Event]
    checks: list[Check] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Everything that had to be shown was."""
        return all(check.ok for check in self.checks)


Report = Callable[[str], None]


class _Story:
    """The events so far, and waiting for one to come."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._changed = asyncio.Event()

    def happened(self, event: Event) -> None:
        self.events.append(event)
        self._changed.set()

    async def until(
        self, wanted: Callable[[Event], bool], *, since: int = 0, timeout: float = _PATIENCE
    ) -> Event:
        async with asyncio.timeout(timeout):
            while True:
                for event in self.events[since:]:
                    if wanted(event):
                        return event
                self._changed.clear()
                await self._changed.wait()


async def run_demo(
    folder: Path, *, report: Report, listener: Callable[[Event], None] = lambda event: None
) -> DemoResult:
    """Play the whole call; `report` gets what is going on in words, `listener` every event.

    Raises DemoFailed, and whatever a server that cannot start raises.
    """
    report("starting a server and two phones on free loopback ports")
    async with Phone(user="sales") as sales, Phone(user="alice") as alice:
        greeting = speak("Sales, this is Brenda. What can I do for you?", voice="en-us+m3")
        for words in (_HOURS, _PREMIUM, _SALES, _LAST_WORDS):
            speak(words)  # kept: while the call is on, this loop has audio to send in time
        async with _server(folder, sales.uri) as gateway:
            story = _Story()
            gateway.ledger.listeners += [story.happened, listener]
            written: asyncio.Future[tuple[str, Path]] = asyncio.get_running_loop().create_future()
            gateway.ledger.on_bundle = lambda call_id, path: written.set_result((call_id, path))
            host, port = gateway.edge.public_address
            report(f"alice calls sip:100@{host}:{port}")
            call = await alice.dial(f"sip:100@{host}:{port}")
            try:
                await call.wait_answered()
                answered = await _talk(call, sales, greeting, story, report)
                await call.hangup()
                async with asyncio.timeout(_PATIENCE):
                    call_id, bundle = await written
            except TimeoutError as error:
                last = story.events[-1].type if story.events else "nothing"
                raise DemoFailed(f"waited too long; the last event was {last}") from error
    result = DemoResult(call_id, bundle, story.events)
    result.checks = [*_checks(story.events), *_audio_checks(call, answered, greeting)]
    result.checks += _bundle_checks(bundle)
    return result


@asynccontextmanager
async def _server(folder: Path, sales_uri: str) -> AsyncIterator[Gateway]:
    settings = _settings(folder, sales_uri)
    async with Gateway(settings, open_plans(settings)) as gateway:
        yield gateway


def _settings(folder: Path, sales_uri: str) -> Settings:
    """Free ports, and the demo's plan with the address of the second phone."""
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    text = (files("sipagent.testing") / "demo_plan.yaml").read_text()
    plan = folder / "demo.yaml"
    plan.write_text(text.replace('"SALES"', f'"{sales_uri}"'))
    return Settings(
        sip=Sip(listen=(Listener(port=0), Listener(transport="tcp", port=0))),
        store=Store(database=f"sqlite+aiosqlite:///{folder}/demo.sqlite3", bundles=folder),
        dialplans=(plan,),
        tools=(),
    )


async def _talk(
    call: PhoneCall, sales: Phone, greeting: bytes, story: _Story, report: Report
) -> PhoneCall:
    """The conversation, from the greeting to the talk with sales."""
    await call.wait_for_speech(10)
    await call.wait_for_silence(600, 15)

    report("alice asks for the opening hours")
    await _ask(call, _HOURS, story, _agent_says("nine to five"), speech=True)

    report("alice talks over the answer and asks for a number the policy forbids")
    await asyncio.sleep(1.5)
    await _ask(call, _PREMIUM, story, _denied)
    await call.wait_for_silence(700, 15)

    report("alice asks for sales")
    await _ask(call, _SALES, story, _put_through)
    answered = await sales.wait_call()

    report("sales answers; the two talk")
    await answered.play(greeting)
    await call.play(speak(_LAST_WORDS))
    await asyncio.sleep(0.3)
    return answered


async def _ask(
    call: PhoneCall,
    words: str,
    story: _Story,
    wanted: Callable[[Event], bool],
    *,
    speech: bool = False,
) -> None:
    """Say it until it was understood; with `speech`, only until the answer begins to be heard."""
    for attempt in range(_TRIES):
        since = len(story.events)
        await call.play(speak(words))
        try:
            if speech:
                await call.wait_for_speech(6)
                return
            await story.until(wanted, since=since, timeout=9)
            return
        except TimeoutError as error:
            if attempt == _TRIES - 1:
                raise DemoFailed(f"the agent did not understand {words!r}") from error
            await call.wait_for_silence(700, 15)


def _agent_says(words: str) -> Callable[[Event], bool]:
    return lambda e: (
        isinstance(e, Said) and e.speaker == "agent" and words in f"{e.text} {e.unheard}"
    )


def _denied(event: Event) -> bool:
    return isinstance(event, PolicyDecided) and event.verb == "transfer" and not event.allowed


def _put_through(event: Event) -> bool:
    return isinstance(event, VerbDone) and event.verb == "transfer" and event.ok


def _checks(events: Sequence[Event]) -> list[Check]:
    heard = " / ".join(e.text for e in events if isinstance(e, Said) and e.speaker == "caller")
    stopped = [e for e in events if isinstance(e, BargeIn) and e.decision == "stopped"]
    cut = [e for e in events if isinstance(e, Said) and e.speaker == "agent" and e.interrupted]
    denied = next((e for e in events if _denied(e)), None)
    through = next((e for e in events if _put_through(e)), None)
    ended = next((e for e in events if isinstance(e, CallEnded)), None)
    return [
        Check("the caller was understood", "opening hours" in heard, heard),
        Check("the hours were told", any(_agent_says("nine to five")(e) for e in events)),
        Check(
            "the agent gave way",
            bool(stopped and cut),
            stopped[0].evidence if stopped else "never interrupted",
        ),
        Check(
            "policy refused the premium number", denied is not None, getattr(denied, "reason", "")
        ),
        Check("sales answered", through is not None, getattr(through, "detail", "")),
        Check("the call ended in order", ended is not None and ended.status == 200),
    ]


def _audio_checks(call: PhoneCall, answered: PhoneCall, greeting: bytes) -> list[Check]:
    """Did each hear the other? By correlation of what was said with what was heard."""
    to_caller = _alike(greeting, call.stream.heard.pcm())
    to_sales = _alike(speak(_LAST_WORDS), answered.stream.heard.pcm())
    return [
        Check("alice heard sales", to_caller > _ALIKE, f"correlation {to_caller:.3f}"),
        Check("sales heard alice", to_sales > _ALIKE, f"correlation {to_sales:.3f}"),
    ]


def _alike(said: bytes, heard: bytes) -> float:
    size = 2 * _PIECE
    pieces = [said[at : at + size] for at in range(0, len(said) - size + 1, size)]
    return median(correlate(piece, heard).corr for piece in pieces)


def _bundle_checks(bundle: Path) -> list[Check]:
    return [
        Check(
            f"{name} was written", (bundle / name).is_file() and (bundle / name).stat().st_size > 0
        )
        for name in ("call.json", "call.wav", "timeline.svg")
    ]
