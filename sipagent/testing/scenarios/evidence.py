"""Evidence: what is known of a call when an expectation is judged, and where a match stands."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sipagent.events import Event, LegChanged, Said, SoundPlayed
from sipagent.testing.rehearsal.record import Aside

#: ports of a plan's own words that the caller hears; others speak to somebody else
_TO_CALLEES = frozenset({"whisper", "confirm", "announcement", "consultation"})


@dataclass(slots=True)
class Evidence:
    """All that there is so far; whoever plays adds to it. `variables` are None where they cannot be
    known: in a live call.
    """

    events: Sequence[Event]
    variables: Mapping[str, Any] | None = None
    referrals: Sequence[Aside] = ()
    agents: Sequence[Aside] = ()
    intents: Sequence[Aside] = ()
    texts: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """What an expectation came upon: after which event the next of its kind is looked for, and
    when it began, media-clock ms.
    """

    after: int
    t: int


@dataclass(frozen=True, slots=True)
class Words:
    """One utterance that the caller heard."""

    index: int
    who: str
    text: str
    t: int


def words_in(events: Sequence[Event], since: int) -> Iterator[Words]:
    """What the caller heard, from an event on."""
    for index in range(since, len(events)):
        event = events[index]
        if isinstance(event, Said) and event.speaker == "agent" and event.text:
            yield Words(index, "agent", event.text, event.start)
        elif isinstance(event, SoundPlayed) and event.url.startswith("say:"):
            who = "callee" if event.port in _TO_CALLEES else "plan"
            yield Words(index, who, event.url.removeprefix("say:"), event.start)


#: final statuses by the words of scenarios
STATUSES: Mapping[str, Sequence[range]] = {
    "answered": (range(200, 300),),
    "busy": (range(486, 487), range(600, 601)),
    "no_answer": (range(408, 409), range(480, 481), range(487, 488)),
    "declined": (range(403, 404), range(603, 604)),
    "not_found": (range(404, 405), range(604, 605)),
    "refused": (range(300, 700),),
}


def result_of(event: LegChanged) -> int | None:
    """The status that a leg's change says of a call to somebody; None while it only rings."""
    if event.state == "confirmed":
        return 200
    if event.state == "disconnected":
        return event.status
    return None
