"""Judging: does a call show what is expected of it? Pure: evidence in, a match or nothing out."""

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from sipagent.events import (
    AgentChanged,
    CallEnded,
    Event,
    LegChanged,
    PolicyDecided,
    StepChanged,
    StepStarted,
    ToolCalled,
    ToolReturned,
    VerbDone,
)

from .evidence import STATUSES, Evidence, Match, result_of, words_in
from .expectations import Expectation, Transfer
from .patterns import difference

Finder = Callable[[Expectation, Evidence, int], Match | None]


def find(expected: Expectation, evidence: Evidence, since: int) -> Match | None:
    """Where it is met, looked for from the event `since` on; None: nowhere yet."""
    return _FINDERS[expected.subject](expected, evidence, since)


def _hears(expected: Expectation, evidence: Evidence, since: int) -> Match | None:
    assert expected.hears is not None
    heard = [
        w for w in words_in(evidence.events, since)
        if (w.who == expected.from_ if expected.from_ else w.who != "callee")
    ]  # fmt: skip
    text, starts = "", []
    for words in heard:
        starts.append(len(text))
        text += f"{words.text} "
    span = expected.hears.found(text)
    if span is None:
        return None
    first = max(n for n, start in enumerate(starts) if start <= span[0])
    last = max(n for n, start in enumerate(starts) if start < max(span[1], 1))
    return Match(heard[last].index + 1, heard[first].t)


def _tool(expected: Expectation, evidence: Evidence, since: int) -> Match | None:
    wanted = expected.tool
    assert wanted is not None
    for index, event in _from(evidence, since):
        if not isinstance(event, ToolCalled) or event.tool != wanted.name:
            continue
        if difference(wanted.with_, event.arguments):
            continue
        if wanted.ok is None and wanted.result is None:
            return Match(index + 1, event.t)
        for later, result in _from(evidence, index):
            if not isinstance(result, ToolReturned) or result.id != event.id:
                continue
            good = wanted.ok is None or wanted.ok is result.ok
            if good and (wanted.result is None or wanted.result.found(result.result)):
                return Match(later + 1, event.t)
    return None


def _verb(expected: Expectation, evidence: Evidence, since: int) -> Match | None:
    wanted = expected.verb
    assert wanted is not None
    for index, event in _from(evidence, since):
        if (
            isinstance(event, VerbDone)
            and event.verb == wanted.name
            and wanted.ok in (None, event.ok)
            and wanted.status in (None, event.status)
            and wanted.by in (None, event.by)
            and (wanted.detail is None or wanted.detail.found(event.detail))
        ):
            return Match(index + 1, event.t)
    return None


def _transfer(expected: Expectation, evidence: Evidence, since: int) -> Match | None:
    wanted = expected.transfer
    assert wanted is not None
    for referral in evidence.referrals:
        came = _came(int(referral.what), wanted)
        if referral.at >= since and _same(referral.who, wanted) and came:
            return Match(referral.at, referral.t)
    for index, event in _from(evidence, since):
        if isinstance(event, LegChanged) and event.role == "callee" and _same(event.remote, wanted):
            ringing = wanted.result == "ringing" and event.state == "early"
            if wanted.result is None or ringing or _came(result_of(event), wanted):
                return Match(index + 1, event.t)
    return None


def _same(target: str, wanted: Transfer) -> bool:
    known = target.removeprefix("tel:")
    return any(fnmatchcase(one, wanted.to.removeprefix("tel:")) for one in (target, known))


def _came(status: int | None, wanted: Transfer) -> bool:
    if status is None or wanted.result is None:
        return wanted.result is None
    return any(status in several for several in STATUSES.get(wanted.result, ()))


def _denied(expected: Expectation, evidence: Evidence, since: int) -> Match | None:
    return _first(
        evidence,
        since,
        lambda event: (
            isinstance(event, PolicyDecided) and not event.allowed and event.verb == expected.denied
        ),
    )


def _event(expected: Expectation, evidence: Evidence, since: int) -> Match | None:
    wanted = expected.event
    assert wanted is not None
    return _first(
        evidence,
        since,
        lambda event: (
            event.type == wanted.type
            and not difference(wanted.fields, event.model_dump(mode="json"))
        ),
    )


def _section(expected: Expectation, evidence: Evidence, since: int) -> Match | None:
    return _first(
        evidence,
        since,
        lambda event: isinstance(event, StepStarted) and event.section == expected.section,
    )


def _step(expected: Expectation, evidence: Evidence, since: int) -> Match | None:
    def reached(event: Event) -> bool:
        if not isinstance(event, StepChanged):
            return False
        return expected.step in (event.step, f"{event.context}.{event.step}")

    return _first(evidence, since, reached)


def _agent(expected: Expectation, evidence: Evidence, since: int) -> Match | None:
    for opened in evidence.agents:
        if opened.at >= since and opened.who == expected.agent:
            return Match(opened.at, opened.t)
    return _first(
        evidence,
        since,
        lambda event: (
            isinstance(event, AgentChanged | StepStarted) and event.agent == expected.agent
        ),
    )


def _intent(expected: Expectation, evidence: Evidence, since: int) -> Match | None:
    for acting in evidence.intents:
        if acting.at >= since and acting.what == expected.intent:
            return Match(acting.at, acting.t)
    return None


def _variables(expected: Expectation, evidence: Evidence, since: int) -> Match | None:
    wanted = expected.variables
    if evidence.variables is None or wanted is None:
        return None
    found = {key: _reached(evidence.variables, key) for key in wanted}
    if difference(wanted, found):
        return None
    return Match(since, evidence.events[-1].t if evidence.events else 0)


def _reached(variables: Mapping[str, Any], path: str) -> Any:
    node: Any = variables
    for key in path.split("."):
        node = node.get(key) if isinstance(node, Mapping) else None
    return node


def _texted(expected: Expectation, evidence: Evidence, since: int) -> Match | None:
    wanted = expected.texted
    assert wanted is not None
    found = any(wanted.found(f"{target} {text}") for target, text in evidence.texts)
    return Match(since, evidence.events[-1].t) if found and evidence.events else None


def _ended(expected: Expectation, evidence: Evidence, since: int) -> Match | None:
    wanted = expected.ended
    assert wanted is not None
    return _first(
        evidence,
        0,
        lambda event: (
            isinstance(event, CallEnded)
            and wanted.by in (None, event.by)
            and wanted.status in (None, event.status)
            and (wanted.reason is None or wanted.reason.found(event.reason) is not None)
        ),
    )


def _from(evidence: Evidence, since: int) -> Iterator[tuple[int, Event]]:
    for index in range(since, len(evidence.events)):
        yield index, evidence.events[index]


def _first(evidence: Evidence, since: int, wanted: Callable[[Event], bool]) -> Match | None:
    for index, event in _from(evidence, since):
        if wanted(event):
            return Match(index + 1, event.t)
    return None


_FINDERS: Mapping[str, Finder] = {
    "hears": _hears,
    "tool": _tool,
    "verb": _verb,
    "transfer": _transfer,
    "denied": _denied,
    "event": _event,
    "section": _section,
    "step": _step,
    "agent": _agent,
    "intent": _intent,
    "variables": _variables,
    "texted": _texted,
    "ended": _ended,
}
