"""Page: a replay as one HTML file that needs nothing else. Pure."""

from base64 import b64encode
from collections.abc import Iterator
from html import escape

from .compare import Comparison, Latency, Row, words
from .decisions import Decision
from .requests import Differing
from .run import Replayed

_STYLE = """
:root { color-scheme: light dark; --ink: #1b232c; --soft: #5d6b79; --paper: #ffffff;
  --line: #dde3e9; --warm: #fff4e0; --gone: #b3261e; --new: #146c2e; --goneback: #fde7e5;
  --newback: #e2f4e6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf0; --soft: #9aa8b5; --paper: #14191f;
  --line: #2c353f; --warm: #33291a; --gone: #ff9d94; --new: #84d99a; --goneback: #3a1f1d;
  --newback: #17301d; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem 1rem 4rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.05rem; margin: 2.2rem 0 .5rem; }
.verdict { margin: .4rem 0 0; color: var(--soft); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; } td.t { color: var(--soft); white-space: nowrap;
  font-variant-numeric: tabular-nums; } .n { text-align: right;
  font-variant-numeric: tabular-nums; }
tr.differs { background: var(--warm); } .kind { color: var(--soft); } .none { color: var(--soft); }
.detail { display: block; color: var(--soft); font-size: .86em; }
del { color: var(--gone); background: var(--goneback); }
ins { color: var(--new); background: var(--newback); text-decoration: none; }
figure { margin: 0 0 1rem; } figure img { width: 100%; background: #fff; border-radius: 4px; }
figcaption { color: var(--soft); font-size: .9em; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .2rem 0 .8rem; font: inherit; }
"""


def page(replayed: Replayed) -> str:
    """The whole report."""
    return "\n".join(_page(replayed))


def verdict(replayed: Replayed) -> str:
    """In one sentence."""
    if replayed.same:
        return "The same was decided, said and asked."
    count = len(replayed.comparison.differences)
    parts = [f"{count} difference{'' if count == 1 else 's'}"] if count else []
    if asked := len(replayed.requests):
        parts.append(f"{asked} request{'' if asked == 1 else 's'} to models not as on record")
    return f"{' and '.join(parts)}."


def _page(replayed: Replayed) -> Iterator[str]:
    name = escape(replayed.call_id)
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>Replay of {name}</title><style>{_STYLE}</style></head><body>"
    yield f"<h1>Replay of {name}</h1>"
    yield f'<p class="verdict">Plan {escape(replayed.plan)}. {escape(verdict(replayed))}</p>'
    yield from _notes(replayed.notes)
    yield from _requests(replayed.requests)
    yield from _decisions(replayed.comparison)
    yield from _latencies(replayed.comparison.latencies)
    yield "<h2>Timelines</h2>"
    for title, svg in zip(("On record", "Now"), replayed.pictures, strict=True):
        data = b64encode(svg.encode()).decode()
        yield f'<figure><figcaption>{title}</figcaption><img alt="Timeline: {title.lower()}"'
        yield f' src="data:image/svg+xml;base64,{data}"></figure>'
    yield "</body></html>"


def _notes(notes: tuple[str, ...]) -> Iterator[str]:
    if notes:
        yield "<h2>Not as it was</h2><ul>"
        yield from (f"<li>{escape(note)}</li>" for note in notes)
        yield "</ul>"


def _requests(requests: tuple[Differing, ...]) -> Iterator[str]:
    if requests:
        yield "<h2>Requests to models that were not as on record</h2>"
    for one in requests:
        agent = f"{escape(one.agent)}, " if one.agent else ""
        yield f"<h3>{agent}after “{escape(one.words)}”: {escape(one.done)}</h3>"
        for respect in one.unlike:
            merged = _merged(respect.before, respect.after)
            yield f'<div class="kind">{escape(respect.what)}</div><pre>{merged}</pre>'


def _decisions(comparison: Comparison) -> Iterator[str]:
    yield '<h2>Decisions</h2><div class="wide"><table>'
    yield '<tr><th scope="col">s</th><th scope="col">on record</th><th scope="col">now</th></tr>'
    for row in comparison.rows:
        differs = "" if row.same else ' class="differs"'
        yield f'<tr{differs}><td class="t">{row.either.t / 1000:.2f}</td>'
        yield f"<td>{_told(row.before)}</td><td>{_after(row)}</td></tr>"
    yield "</table></div>"


def _told(decision: Decision | None) -> str:
    if decision is None:
        return '<span class="none">–</span>'
    detail = f'<span class="detail">{escape(decision.detail)}</span>' if decision.detail else ""
    return f'<span class="kind">{escape(decision.kind)}</span> {escape(decision.what)}{detail}'


def _after(row: Row) -> str:
    before, after = row.before, row.after
    if before is None or after is None or row.same:
        return _told(after)
    detail = f'<span class="detail">{escape(after.detail)}</span>' if after.detail else ""
    merged = _merged(before.what, after.what)
    return f'<span class="kind">{escape(after.kind)}</span> {merged}{detail}'


def _merged(before: str, after: str) -> str:
    marks = {"same": "{}", "gone": "<del>{}</del>", "new": "<ins>{}</ins>"}
    return " ".join(marks[kind].format(escape(text)) for kind, text in words(before, after))


def _latencies(latencies: tuple[Latency, ...]) -> Iterator[str]:
    known = [one for one in latencies if one.before is not None or one.after is not None]
    if not known:
        return
    yield '<h2>Latencies</h2><div class="wide"><table><tr><th scope="col">median of a turn</th>'
    yield '<th class="n" scope="col">on record, ms</th><th class="n" scope="col">now, ms</th></tr>'
    for one in known:
        yield f'<tr><td>{escape(one.stage.replace("_", " "))}</td><td class="n">{_ms(one.before)}'
        yield f'</td><td class="n">{_ms(one.after)}</td></tr>'
    yield "</table></div>"


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"
