"""Lint of privacy: recordings that would wait for ever, and secrets where none can be read."""

from collections.abc import Iterator

from sipagent.call.privacy import Privacy, strictest
from sipagent.errors import Finding

from .load import Reading
from .model import Plan
from .strings import strings_in

_RECORDING = frozenset({"record", "record_call", "tap", "stream"})
_ASKS = "ask_consent"
_SECRETS = ("${secrets.", "%{secrets.", "${secrets[", "%{secrets[")


def lint_privacy(reading: Reading, plan: Plan, house: Privacy) -> Iterator[Finding]:
    """What a plan's `privacy`, or the server's, and its steps do not agree upon."""
    if strictest((plan.privacy, house)).recording_consent == "required":
        yield from _never_asked(reading, plan)
    for step in reading.steps:
        for path, text in strings_in(step.arguments):
            if any(sign in text for sign in _SECRETS):
                yield reading.source.finding(
                    step.at(*path),
                    "a plan cannot read secrets",
                    hint="a tool with a parameter of that name, annotated SecretStr, gets it",
                )


def _never_asked(reading: Reading, plan: Plan) -> Iterator[Finding]:
    asked = any(step.verb.name == _ASKS for step in reading.steps)
    if asked or any(_ASKS in agent.tools for agent in plan.agents.values()):
        return
    for step in reading.steps:
        if step.verb.name in _RECORDING:
            message = f"{step.verb.name} will never begin: nothing asks for the caller's consent"
            yield reading.source.finding(
                step.path, message, hint="add an ask_consent step", severity="warning"
            )
