"""`sipagent calls`: what is on record."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from sipagent.call.cdr import Cdr, fold
from sipagent.errors import SipAgentError
from sipagent.events import (
    BargeIn,
    CallEnded,
    CallStarted,
    Event,
    LegChanged,
    PolicyDecided,
    Said,
    ToolReturned,
    TurnLatency,
    VerbDone,
    Warned,
)
from sipagent.store.records import Store

from .style import ConfigOption, JsonOption, out, settings_from

app = typer.Typer(help="The calls on record.", invoke_without_command=True)


@app.callback()
def calls(
    context: typer.Context,
    limit: Annotated[int, typer.Option("-n", min=1, help="how many, newest first")] = 20,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the last calls; `show` shows one."""
    if context.invoked_subcommand is not None:
        return
    store = _store(config)

    async def read() -> list[Cdr]:
        await store.open()
        try:
            return list(await store.calls(limit))
        finally:
            await store.close()

    found = asyncio.run(read())
    if as_json:
        out.print_json(json.dumps([cdr.model_dump(mode="json") for cdr in found]))
        return
    table = Table(box=None, header_style="bold")
    for head in ("call", "started", "caller", "called", "plan", "seconds", "turns", "ended"):
        table.add_column(head, justify="right" if head in ("seconds", "turns") else "left")
    for cdr in found:
        table.add_row(*map(escape, _row(cdr)))
    out.print(table if found else "no calls on record")


@app.command()
def show(call_id: str, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """One call: who said what, what was decided, and how long each turn took."""
    store = _store(config)

    async def read() -> list[Event]:
        await store.open()
        try:
            return list(await store.events(call_id))
        finally:
            await store.close()

    events = asyncio.run(read())
    if not events:
        raise SipAgentError(f"no call {call_id} on record; `sipagent calls` lists them")
    if as_json:
        out.print_json(json.dumps([event.model_dump(mode="json") for event in events]))
        return
    cdr = fold(events)
    out.print(f"[bold]{escape(cdr.call_id)}[/]  {escape(cdr.caller)} → {escape(cdr.callee)}")
    start = next((e.t for e in events if isinstance(e, CallStarted)), events[0].t)
    table = Table(box=None, show_header=False, padding=(0, 1))
    for event in events:
        line = _line(event)
        if line is not None:
            table.add_row(f"[dim]{(event.t - start) / 1000:8.2f} s[/]", *line)
    out.print(table)


def _store(config: Path | None) -> Store:
    settings = settings_from(config).store
    return Store(settings.database, settings.bundles / "events.jsonl")


def _row(cdr: Cdr) -> tuple[str, ...]:
    started = f"{cdr.started:%Y-%m-%d %H:%M:%S}" if cdr.started else ""
    seconds = "" if cdr.duration is None else f"{cdr.duration:.1f}"
    turns = str(sum(cdr.turns.values()))
    return (
        cdr.call_id, started, cdr.caller, cdr.callee, cdr.plan, seconds, turns,
        f"{cdr.status} {cdr.reason}",
    )  # fmt: skip


def _line(event: Event) -> tuple[str, str] | None:
    match event:
        case Said(speaker=speaker, text=text, unheard=unheard):
            cut = f" [dim strike]{escape(unheard)}[/]" if unheard else ""
            colour = "green" if speaker == "caller" else "cyan"
            return f"[{colour}]{speaker}[/]", escape(text) + cut
        case BargeIn(decision=decision, evidence=evidence):
            return "[yellow]barge-in[/]", f"{decision}: {escape(evidence)}"
        case ToolReturned(tool=tool, ok=ok, result=result, ms=ms):
            mark = "[green]ok[/]" if ok else "[red]failed[/]"
            return "[magenta]tool[/]", f"{escape(tool)} {mark} in {ms} ms: {escape(result)}"
        case PolicyDecided(verb=verb, by=by, allowed=allowed, reason=reason):
            word = "[green]allowed[/]" if allowed else "[red]denied[/]"
            return "[magenta]policy[/]", f"{verb} by {escape(by)} {word}: {escape(reason)}"
        case VerbDone(verb=verb, ok=ok, detail=detail) if detail or not ok:
            mark = "[green]ok[/]" if ok else "[red]failed[/]"
            return "verb", f"{verb} {mark} {escape(detail)}"
        case LegChanged(role=role, remote=remote, state=state, status=status):
            return "[blue]leg[/]", f"{role} {escape(remote)} {state} {status or ''}"
        case TurnLatency():
            return "[dim]turn[/]", _waterfall(event)
        case Warned(code=code, detail=detail):
            return "[red]warning[/]", f"{code}: {escape(detail)}"
        case CallEnded(status=status, reason=reason, by=by):
            return "end", f"{status} {escape(reason)} (by {by})"
    return None


def _waterfall(event: TurnLatency) -> str:
    """Each stage in ms after the caller's last sound."""
    start = event.speech_end
    stages = ("endpoint", "final_text", "first_token", "first_audio", "first_rtp")
    times = [(stage, getattr(event, stage)) for stage in stages]
    shown = [f"{stage} +{t - start}" for stage, t in times if t is not None and start is not None]
    overhead = "" if event.overhead_ms is None else f"  own overhead {event.overhead_ms:.1f} ms"
    return f"[dim]{'  '.join(shown)}{overhead}[/]"
