"""Explaining: what an expectation wanted, in words, and what there was instead. Pure."""

from collections.abc import Callable, Iterable, Mapping

from sipagent.events import (
    CallEnded,
    LegChanged,
    PolicyDecided,
    StepChanged,
    StepStarted,
    ToolCalled,
    ToolReturned,
    VerbDone,
)

from .evidence import Evidence, words_in
from .expectations import Expectation
from .patterns import difference
from .transcript import as_words

_MOST = 6


def wording(expected: Expectation) -> str:
    """`hears 'nine to five'`."""
    if expected.not_ is not None:
        return f"not: {wording(expected.not_)}"
    if expected.never is not None:
        return f"never: {wording(expected.never)}"
    subject = expected.subject
    value = getattr(expected, subject)
    if subject in ("hears", "texted", "variables"):
        shown = as_words(value) if isinstance(value, Mapping) else str(value)
    elif isinstance(value, str):
        shown = value
    else:
        shown = _keys(value.model_dump(by_alias=True, exclude_unset=True, mode="json"))
    who = f" from the {expected.from_}" if expected.from_ else ""
    time = f" within {expected.within_ms} ms" if expected.within_ms is not None else ""
    return f"{subject} {shown}{who}{time}"


def instead(expected: Expectation, evidence: Evidence, since: int) -> list[str]:
    """What there was of the kind that was wanted, from the event `since` on."""
    found = list(dict.fromkeys(_INSTEAD[expected.subject](expected, evidence, since)))
    if len(found) > _MOST:
        found = [*found[:_MOST], f"... and {len(found) - _MOST} more"]
    return found or [_NOTHING.get(expected.subject, "nothing of the kind")]


def _keys(values: Mapping[str, object]) -> str:
    if not values:
        return "somehow"
    first, *rest = values.items()
    more = ", ".join(f"{key}: {as_words(value)}" for key, value in rest)
    return f"{first[1]}{f' ({more})' if more else ''}"


def _heard(expected: Expectation, evidence: Evidence, since: int) -> Iterable[str]:
    return [f"{words.who}: {words.text}" for words in words_in(evidence.events, since)]


def _tools(expected: Expectation, evidence: Evidence, since: int) -> Iterable[str]:
    wanted = expected.tool
    assert wanted is not None
    for event in evidence.events[since:]:
        if isinstance(event, ToolCalled) and event.tool == wanted.name:
            yield f"{event.tool} was called with {as_words(event.arguments)}"
            yield from (f"  {line}" for line in difference(wanted.with_, event.arguments))
        elif isinstance(event, ToolReturned) and event.tool == wanted.name:
            yield f"{event.tool} {'returned' if event.ok else 'failed:'} {event.result}"
        elif isinstance(event, ToolCalled):
            yield f"{event.tool} {as_words(event.arguments)}"


def _verbs(expected: Expectation, evidence: Evidence, since: int) -> Iterable[str]:
    for event in evidence.events[since:]:
        if isinstance(event, VerbDone):
            status = f" {event.status}" if event.status else ""
            ok = "ok" if event.ok else "failed"
            yield f"{event.verb} by {event.by}: {ok}{status} {event.detail}".rstrip()


def _dialled(expected: Expectation, evidence: Evidence, since: int) -> Iterable[str]:
    for event in evidence.events[since:]:
        if isinstance(event, LegChanged) and event.role == "callee":
            yield f"{event.remote} {event.state}{f' {event.status}' if event.status else ''}"
    for referral in evidence.referrals:
        yield f"the caller's phone was told to call {referral.who}: {referral.what}"


def _denials(expected: Expectation, evidence: Evidence, since: int) -> Iterable[str]:
    for event in evidence.events[since:]:
        if isinstance(event, PolicyDecided):
            word = "allowed" if event.allowed else "denied"
            yield f"{event.verb} by {event.by} {word}: {event.reason}"


def _events(expected: Expectation, evidence: Evidence, since: int) -> Iterable[str]:
    wanted = expected.event
    assert wanted is not None
    for event in evidence.events[since:]:
        if event.type == wanted.type:
            found = event.model_dump(mode="json")
            yield "; ".join(difference(wanted.fields, found))


def _sections(expected: Expectation, evidence: Evidence, since: int) -> Iterable[str]:
    return [
        f"section {event.section}" for event in evidence.events if isinstance(event, StepStarted)
    ]


def _steps(expected: Expectation, evidence: Evidence, since: int) -> Iterable[str]:
    return [f"{e.context}.{e.step}" for e in evidence.events if isinstance(e, StepChanged)]


def _agents(expected: Expectation, evidence: Evidence, since: int) -> Iterable[str]:
    return [f"agent {aside.who}" for aside in evidence.agents]


def _intents(expected: Expectation, evidence: Evidence, since: int) -> Iterable[str]:
    return [f"{aside.who}: {aside.what}" for aside in evidence.intents if aside.at >= since]


def _variables(expected: Expectation, evidence: Evidence, since: int) -> Iterable[str]:
    wanted, known = expected.variables or {}, evidence.variables or {}
    for path, value in wanted.items():
        node: object = known
        for key in path.split("."):
            node = node.get(key) if isinstance(node, Mapping) else None
        yield from difference(value, node, path)


def _texts(expected: Expectation, evidence: Evidence, since: int) -> Iterable[str]:
    return [f"to {target}: {text}" for target, text in evidence.texts]


def _ends(expected: Expectation, evidence: Evidence, since: int) -> Iterable[str]:
    return [
        f"it was ended by {e.by}: {e.status} {e.reason}"
        for e in evidence.events
        if isinstance(e, CallEnded)
    ]


_NOTHING: Mapping[str, str] = {
    "hears": "silence: nothing was said",
    "tool": "no tool was called",
    "transfer": "nobody was called",
    "denied": "policy was not asked",
    "texted": "no text was sent",
    "ended": "the call goes on",
    "intent": "no intent was acted on",
    "event": "no such event",
}
_INSTEAD: Mapping[str, Callable[[Expectation, Evidence, int], Iterable[str]]] = {
    "hears": _heard,
    "tool": _tools,
    "verb": _verbs,
    "transfer": _dialled,
    "denied": _denials,
    "event": _events,
    "section": _sections,
    "step": _steps,
    "agent": _agents,
    "intent": _intents,
    "variables": _variables,
    "texted": _texts,
    "ended": _ends,
}
