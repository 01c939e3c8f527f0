"""What the web answered in a call on record."""

import json
from urllib.parse import urlunsplit

from sipagent.call.by import function_of
from sipagent.events import ToolReturned, WebAsked
from sipagent.testing.rehearsal.web import Answer, ScriptedWeb

from .source import Taken


def recorded_web(taken: Taken) -> ScriptedWeb:
    """The same statuses at the same addresses. Of what came with them a function's answer is known,
    as far as the model was told it.
    """
    told: dict[str, list[str]] = {}
    for event in taken.events:
        if isinstance(event, ToolReturned):
            told.setdefault(event.tool, []).append(event.result)
    script: dict[str, list[Answer]] = {}
    for event in taken.events:
        if isinstance(event, WebAsked):
            results = told.get(function_of(event.by) or event.by, [])
            said = {"response": results.pop(0)} if results else {}
            for scheme in ("http", "https"):
                url = urlunsplit((scheme, event.host, event.path, "", ""))
                script.setdefault(f"{event.method} {url}", []).append(_answer(event, said))
    return ScriptedWeb(script)


def _answer(event: WebAsked, said: dict[str, str]) -> Answer:
    if event.status is None:
        return Answer(seconds=event.ms / 1000, fault=event.error or "no answer")
    kind = {"content-type": "application/json"}
    return Answer(event.status, json.dumps(said).encode(), kind, event.ms / 1000)
