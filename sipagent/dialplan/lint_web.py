"""Lint of what a plan asks on the web: URLs that nobody will be able to ask."""

from collections.abc import Callable, Iterator

from sipagent.call.web import without_secrets
from sipagent.errors import Finding
from sipagent.sources import KeyPath
from sipagent.verbs.documents import is_url

from .expressions import has_template
from .load import Reading
from .model import Plan

#: why a URL will be refused as far as that is known before any call, or ""
WebProblem = Callable[[str], str]
#: the keys of verbs that hold one
_KEYS = {"swml": "url", "request": "url", "execute": "dest", "transfer": "dest"}


def lint_web(reading: Reading, plan: Plan, problem: WebProblem | None) -> Iterator[Finding]:
    """Every URL that is written out: its form, and whether its host may be asked."""
    for path, url in _urls(reading, plan):
        if has_template(url):
            continue
        if not is_url(url):
            message = f"{without_secrets(url)} is not an http or https URL"
            yield reading.source.finding(path, message)
        elif problem is not None and (why := problem(url)):
            yield reading.source.finding(path, why, severity="warning")


def _urls(reading: Reading, plan: Plan) -> Iterator[tuple[KeyPath, str]]:
    if "swml" in plan.document and plan.program["main"]:
        whole = isinstance(plan.document["swml"], str)
        path: KeyPath = ("swml",) if whole else ("swml", "url")
        yield path, str(plan.program["main"][0].arguments["url"])
    for step in reading.steps:
        key = _KEYS.get(step.verb.name)
        url = step.arguments.get(key) if key is not None else None
        if isinstance(url, str) and (key == "url" or is_url(url)):
            yield step.at(str(key)), url
