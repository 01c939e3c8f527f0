"""The transcript of a call: who said, pressed and did what, in lines for people. Pure."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sipagent.events import (
    AgentChanged,
    CallEnded,
    DigitReceived,
    Event,
    LegChanged,
    MessageReceived,
    PolicyDecided,
    ProviderFailed,
    Said,
    SoundPlayed,
    StepChanged,
    ToolCalled,
    ToolReturned,
    Warned,
    WebAsked,
)

_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Spoken:
    """One line: `who` is caller, agent, plan, callee, or what kind of deed it was."""

    t: int
    who: str
    text: str

    def __str__(self) -> str:
        return f"{self.t / 1000:7.2f}  {self.who:<7} {self.text}"


def transcript(events: Iterable[Event]) -> tuple[Spoken, ...]:
    """The lines of a call, words where they began."""
    lines = [line for event in events if (line := _line(event)) is not None]
    return tuple(sorted(lines, key=lambda line: line.t))


def as_words(value: Any) -> str:
    """JSON data in one line."""
    return json.dumps(value, ensure_ascii=False)[:_LONGEST]


def keys_joined(lines: Sequence[Spoken]) -> list[Spoken]:
    """Keys that follow each other in one line."""
    joined: list[Spoken] = []
    for line in lines:
        if line.who == "key" and joined and joined[-1].who == "key":
            joined[-1] = Spoken(joined[-1].t, "key", joined[-1].text + line.text)
        else:
            joined.append(line)
    return joined


def _line(event: Event) -> Spoken | None:
    match event:
        case Said(speaker=speaker, text=text, unheard=unheard, start=start):
            cut = f" … (not heard: {unheard})" if unheard else ""
            return Spoken(start, speaker, f"{text}{cut}")
        case SoundPlayed(url=url, whole=whole, start=start):
            return Spoken(start, "plan", url.removeprefix("say:") + ("" if whole else " …"))
        case DigitReceived(digit=digit, hidden=hidden, leg=leg):
            who = "key" if leg == "caller" else "callee"
            return Spoken(event.t, who, ("•" if hidden else digit))
        case MessageReceived(text=text):
            return Spoken(event.t, "text", text)
        case CallEnded(status=status, reason=reason, by=by):
            return Spoken(event.t, "end", f"{status} {reason} (by {by})")
    return _deed(event)


def _deed(event: Event) -> Spoken | None:
    match event:
        case ToolCalled(tool=tool, arguments=arguments):
            return Spoken(event.t, "tool", f"{tool} {as_words(arguments)}")
        case ToolReturned(tool=tool, ok=ok, result=result):
            return Spoken(event.t, "tool", f"{tool} {'' if ok else 'failed '}→ {result[:_LONGEST]}")
        case PolicyDecided(verb=verb, by=by, allowed=False, reason=reason):
            return Spoken(event.t, "policy", f"{verb} by {by} denied: {reason}")
        case LegChanged(role="callee", remote=remote, state=state, status=status):
            return Spoken(event.t, "leg", f"{remote} {state}{f' {status}' if status else ''}")
        case AgentChanged(before=before, agent=agent):
            return Spoken(event.t, "agent", f"({before} hands over to {agent})")
        case StepChanged(context=context, step=step):
            return Spoken(event.t, "step", f"{context}.{step}")
        case WebAsked(method=method, host=host, path=path, status=status, error=error):
            return Spoken(event.t, "web", f"{method} {host}{path} → {error or status}")
        case Warned(code=code, detail=detail):
            return Spoken(event.t, "warning", f"{code}: {detail}")
        case ProviderFailed(provider=provider, role=role, cause=cause):
            return Spoken(event.t, "failed", f"{role} {provider}: {cause}")
    return None
