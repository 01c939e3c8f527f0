"""Events as lines of a call's story, for people: `calls show` and the demo's view."""

import json

from rich.markup import escape

from sipagent.call.waterfall import turn_of
from sipagent.events import (
    AgentChanged,
    BargeIn,
    CallEnded,
    ConsentChanged,
    DigitReceived,
    DriveChanged,
    Event,
    Gathered,
    LanguageChanged,
    LegChanged,
    LimitReached,
    McpCalled,
    McpServerChanged,
    MeetingChanged,
    OutsideAsked,
    PolicyDecided,
    ProviderFailed,
    Reported,
    Said,
    SecureEntry,
    SoundPlayed,
    StepChanged,
    Summarised,
    ToolReturned,
    Transcribed,
    TurnLatency,
    UserEvent,
    VerbDone,
    Warned,
    WebAsked,
)

_STAGES = {
    "endpoint": "waited",
    "final_text": "text",
    "first_token": "first word",
    "first_sentence": "sentence",
    "first_audio": "audio",
    "first_rtp": "wire",
}


def when(event: Event) -> int:
    """Where a line stands on the media clock, ms: words stand where they began."""
    return event.start if isinstance(event, Said | SoundPlayed) else event.t


def line(event: Event) -> tuple[str, str] | None:
    """Label and text in rich's markup; None for what is no part of the story."""
    match event:
        case Said(speaker=speaker, text=text, unheard=unheard):
            colour = "green" if speaker == "caller" else "cyan"
            cut = f"[dim](not heard: {escape(unheard.strip())})[/]" if unheard.strip() else ""
            return f"[{colour}]{speaker}[/]", " ".join(filter(None, [escape(text.strip()), cut]))
        case SoundPlayed(url=url, whole=whole):
            cut = "" if whole else " [dim](cut short)[/]"
            return "[cyan]played[/]", f"{escape(url.removeprefix('say:'))}{cut}"
        case DigitReceived(digit=digit, hidden=False):
            return "[green]key[/]", escape(digit)
        case SecureEntry(change="began", secret=secret):
            return "[yellow]private[/]", f"the caller types the {escape(secret)}"
        case SecureEntry(result=result, keys=keys):
            return "[yellow]private[/]", f"{result}: {keys} keys"
        case ConsentChanged(consent=consent, how=how):
            return "[yellow]consent[/]", f"{consent} by {how}"
        case BargeIn(decision=decision, evidence=evidence):
            return "[yellow]barge-in[/]", f"{decision}: {escape(evidence)}"
        case LegChanged(role=role, remote=remote, state=state, status=status, reason=reason):
            ending = f" {status} {escape(reason)}" if status >= 300 else ""
            return "[blue]leg[/]", f"{role} {escape(remote)} {state}{ending}"
        case LanguageChanged(language=language, voice=voice):
            return "[blue]language[/]", escape(f"{language} {voice}".strip())
        case MeetingChanged():
            return "[blue]meeting[/]", escape(_met(event))
        case TurnLatency():
            return "[dim]turn[/]", waterfall(event)
        case CallEnded(status=status, reason=reason, by=by):
            return "[bold]end[/]", f"{status} {escape(reason)} (by {by})"
    return _progress(event) or _decision(event) or _trouble(event)


def _met(event: MeetingChanged) -> str:
    """`queue support: met 201`."""
    count = str(event.count) if event.count else ""
    words = (event.change, event.other, count, event.detail)
    return f"{event.place} {event.name}: {' '.join(filter(None, words))}"


def _progress(event: Event) -> tuple[str, str] | None:
    match event:
        case AgentChanged(before=before, agent=agent):
            return "[cyan]agent[/]", f"{escape(before)} hands over to {escape(agent)}"
        case StepChanged(context=context, step=step, by=by):
            return "[cyan]step[/]", f"{escape(context)}.{escape(step)} (by the {by})"
        case Gathered(key=key, value=value, attempts=attempts):
            tries = f" [dim](attempt {attempts})[/]" if attempts > 1 else ""
            return "[cyan]answer[/]", f"{escape(key)}: {escape(value)}{tries}"
        case Transcribed(role=role, text=text, translation=translation):
            told = f" [dim]({escape(translation)})[/]" if translation else ""
            return "[cyan]heard[/]", f"{role}: {escape(text)}{told}"
        case UserEvent(data=data):
            return "[cyan]event[/]", escape(json.dumps(data, ensure_ascii=False)[:500])
        case Summarised(ok=True, text=text, data=data):
            facts = ", ".join(f"{key}: {value}" for key, value in data.items())
            return "[cyan]summary[/]", escape("\n".join(filter(None, [text, facts])))
        case Summarised(error=error):
            return "[red]no summary[/]", escape(error)
        case Reported(report=report, url=url, ok=True, ms=ms):
            return "[cyan]reported[/]", f"{report} to {escape(url)} in {ms} ms"
        case Reported(report=report, url=url, error=error, tries=tries):
            where = f"{report} to {escape(url)}, tries: {tries}"
            return "[red]not reported[/]", f"{where}: {escape(error)}"
    return None


def _decision(event: Event) -> tuple[str, str] | None:
    match event:
        case ToolReturned(tool=tool, ok=ok, result=result, ms=ms):
            return "[magenta]tool[/]", f"{escape(tool)} {_mark(ok)} in {ms} ms: {escape(result)}"
        case OutsideAsked(verb=verb, by=by, origin=origin):
            return "[magenta]asked[/]", f"{verb} by {escape(by)} from {escape(origin or 'here')}"
        case DriveChanged(change=change, context=context, by=by, reason=reason):
            who = escape(by or reason)
            return "[magenta]relay[/]", f"{change}: context {escape(context)} {who}".rstrip()
        case PolicyDecided(verb=verb, by=by, allowed=allowed, reason=reason):
            word = "[green]allowed[/]" if allowed else "[red]denied[/]"
            return "[magenta]policy[/]", f"{verb} by {escape(by)} {word}: {escape(reason)}"
        case VerbDone(verb=verb, ok=ok, detail=detail) if detail or not ok:
            return "[magenta]verb[/]", f"{verb} {_mark(ok)} {escape(detail)}"
    return None


def _trouble(event: Event) -> tuple[str, str] | None:
    match event:
        case Warned(code=code, detail=detail):
            return "[red]warning[/]", f"{code}: {escape(detail)}"
        case ProviderFailed(provider=provider, role=role, cause=cause):
            then = f"{event.then} {escape(event.next)}".rstrip()
            return "[red]failed[/]", f"{role} ({escape(provider)}): {escape(cause)}; then {then}"
        case WebAsked(error=error) if error:
            return "[red]web[/]", escape(f"{event.method} {event.host}: {error}")
        case WebAsked(status=int() as status, ms=ms):
            colour = "blue" if status < 400 else "red"
            asked = escape(f"{event.by} {event.method} {event.host}{event.path}".strip())
            return f"[{colour}]web[/]", f"{asked}: {status} in {ms} ms"
        case McpServerChanged(server=server, state=state, tools=count):
            colour = "blue" if state in ("connected", "changed", "updated") else "red"
            words = [f"{state}: {event.detail}" if event.detail else state, f"{count} tools"]
            words += event.left_out
            return f"[{colour}]mcp[/]", escape(f"{server} {'; '.join(words)}")
        case McpCalled(server=server, tool=tool, outcome=outcome) if outcome != "answered":
            return "[red]mcp[/]", escape(f"{server} {tool}: {outcome}, {event.detail}")
        case LimitReached(limit=limit, bound=bound, value=value):
            return "[red]limit[/]", f"{value:g} {limit}, of {bound:g}: the agent takes its leave"
    return None


def waterfall(event: TurnLatency) -> str:
    """How long the answer took, and what of it each stage."""
    turn = turn_of(event)
    if event.speech_end is None:
        return "not asked for by words of the caller"
    stages = ", ".join(f"{_STAGES[stage]} {ms}" for stage, ms in turn.took.items())
    if turn.response_ms is None:
        return f"{turn.outcome} [dim]({stages} ms)[/]"
    return f"answered after {turn.response_ms} ms [dim]({stages})[/]"


def _mark(ok: bool) -> str:
    return "[green]ok[/]" if ok else "[red]failed[/]"
