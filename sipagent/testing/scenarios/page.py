"""The report for people: one HTML page that needs nothing beside it, light and dark. Pure."""

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files

from sipagent.events import SipMessage
from sipagent.store.timeline import draw

from .coverage import PlanCoverage, percent
from .results import Fate, Part, Result
from .transcript import keys_joined

_MARKS = {
    Fate.PASSED: "✓",
    Fate.FAILED: "✗",
    Fate.LEFT_OUT: "·",
    Fate.NOT_JUDGED: "–",
}
#: a timeline is readable up to here, seconds
_DRAWN = 600.0


def page(results: Sequence[Result], plans: Sequence[PlanCoverage], title: str) -> str:
    """The document."""
    style = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    body = "".join(_body(results, plans, title))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body>{body}</body></html>\n"
    )


def _body(results: Sequence[Result], plans: Sequence[PlanCoverage], title: str) -> Iterator[str]:
    failed = [result for result in results if not result.passed]
    seconds = sum(result.seconds for result in results)
    yield f"<header><h1>{escape(title)}</h1><p class=counts>"
    yield f"<b class=passed>{len(results) - len(failed)} passed</b>"
    yield f" <b class=failed>{len(failed)} failed</b>" if failed else ""
    yield f" <span>{seconds:.0f} s of calls</span>"
    yield f" <span>{percent(plans):.0f} % of the plans covered</span></p>"
    share = 100 * (len(results) - len(failed)) / max(1, len(results))
    yield f"<div class=bar><i style='width:{share:.1f}%'></i></div></header><main>"
    for result in sorted(results, key=lambda one: one.passed):
        yield from _result(result)
    if plans:
        yield "<section class=coverage><h2>Coverage</h2>"
        for plan in plans:
            yield from _coverage(plan)
        yield "</section>"
    yield "</main>"


def _result(result: Result) -> Iterator[str]:
    fate = "passed" if result.passed else "failed"
    run = f" · run {result.run}" if result.run > 1 else ""
    stage = " · live" if result.live else ""
    yield f"<details class='scenario {fate}'{'' if result.passed else ' open'}><summary>"
    yield f"<span class=mark>{_MARKS[Fate(fate)]}</span> <b>{escape(result.name)}</b>"
    yield f"<small>{escape(result.file.name)}:{result.line} · {result.seconds:.1f} s{run}{stage}"
    yield "</small></summary>"
    if result.failure is not None:
        yield f"<div class=failure><p><b>{escape(result.file.name)}:{result.failure.line}</b> "
        yield f"expected <code>{escape(result.failure.expected)}</code></p><ul>"
        yield "".join(f"<li>{escape(line)}</li>" for line in result.failure.instead)
        yield "</ul></div>"
    yield "<div class=columns><div><h3>Steps</h3><ol class=parts>"
    yield "".join(_part(part) for part in result.parts)
    yield "</ol></div><div><h3>Transcript</h3><table class=transcript>"
    for line in keys_joined(result.transcript):
        yield f"<tr class='{escape(line.who)}'><td>{line.t / 1000:.2f}</td>"
        yield f"<th>{escape(line.who)}</th><td>{escape(line.text)}</td></tr>"
    yield "</table></div></div>"
    if result.events and result.seconds <= _DRAWN:
        yield f"<h3>Timeline</h3><div class=picture>{draw(result.events)}</div>"
    yield from _ladder(result)
    yield "</details>"


def _part(part: Part) -> str:
    kind = "expectation" if part.expectation else "deed"
    fate = part.fate.value.replace(" ", "-")
    when = f"<time>{part.t / 1000:.2f}</time>" if part.t is not None else ""
    mark = _MARKS[part.fate] if part.expectation or part.fate is not Fate.PASSED else "→"
    return (
        f"<li class='{kind} {fate}'><span class=mark>{mark}</span>"
        f"<span class=line>{part.line}</span><span>{escape(part.text)}</span>{when}</li>"
    )


def _ladder(result: Result) -> Iterator[str]:
    rungs = [event for event in result.events if isinstance(event, SipMessage)]
    if not rungs:
        return
    yield "<h3>SIP</h3><table class=ladder>"
    for rung in rungs:
        yield f"<tr><td>{rung.at:%H:%M:%S.%f}</td><td>{escape(rung.source)}</td><td>→</td>"
        yield f"<td>{escape(rung.destination)}</td><td><code>{escape(rung.start_line)}</code></td>"
        yield f"<td>{escape(rung.cseq)}</td></tr>"
    yield "</table>"


def _coverage(plan: PlanCoverage) -> Iterator[str]:
    yield f"<details{' open' if plan.missed else ''}><summary><b>{escape(plan.file.name)}</b> "
    yield f"<span>{plan.percent:.0f} %</span><small>{plan.reached} of {len(plan.places)}</small>"
    yield f"<div class=bar><i style='width:{plan.percent:.1f}%'></i></div></summary><ul>"
    for place in plan.missed:
        yield f"<li><span class=line>{place.line}</span> {place.kind} "
        yield f"<code>{escape(place.name)}</code> was not reached</li>"
    yield "</ul></details>"
