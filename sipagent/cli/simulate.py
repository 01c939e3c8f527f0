"""`sipagent simulate`: talk with a plan by typing."""

import signal
import sys
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from sipagent.dialplan.load import load_file
from sipagent.dialplan.model import Plan
from sipagent.errors import SipAgentError
from sipagent.events import BargeIn, Event, LegMedia, Said, TurnLatency
from sipagent.testing.replay.run import only_agent
from sipagent.testing.simulate import simulate
from sipagent.testing.simulate.talk import Call
from sipagent.testing.virtual import run_virtual

from .story import line, when
from .style import ConfigOption, out, settings_from

#: seconds of virtual time for a whole call
_LIMIT = 24 * 3600.0
_INTERRUPTED = 130


class _Answers(StrEnum):
    yes = "yes"
    busy = "busy"
    no_answer = "no-answer"


def simulate_call(  # noqa: PLR0917 - typer makes options of them
    plan: Annotated[Path, typer.Argument(help="the dialplan to talk with")],
    to: Annotated[str, typer.Option(help="the number called [default: the plan's first]")] = "",
    caller: Annotated[str, typer.Option(help="who calls")] = "sip:you@localhost",
    agent: Annotated[
        str, typer.Option(help="this agent of the plan alone, in place of its sections")
    ] = "",
    answers: Annotated[_Answers, typer.Option(help="what whoever is dialled does")] = _Answers.yes,
    at: Annotated[datetime | None, typer.Option(help="when [default: a Monday, 10:00]")] = None,
    var: Annotated[list[str] | None, typer.Option(help="a variable, NAME=VALUE")] = None,
    config: ConfigOption = None,
) -> None:
    """Talk with PLAN by typing: a line is what the caller says; `/help` tells what else there is.

    The plan, its agents, verbs, policy and functions are real; time is not: it stands still while
    you type. Whoever is dialled is played, models are asked where sipagent.yaml has keys for them.
    The lines may come from a pipe.
    """
    if not plan.is_file():
        raise SipAgentError(f"there is no dialplan {plan}")
    settings = settings_from(config)
    loaded = load_file(plan)
    if agent:
        loaded = only_agent(loaded, agent)
    call = Call(
        to or _number(loaded),
        caller,
        answers.value,
        at,
        dict(_variable(text) for text in var or ()),
    )
    try:
        run_virtual(simulate(loaded, settings, call, Terminal()), limit=_LIMIT)
    except KeyboardInterrupt:
        out.print("[dim]interrupted[/]")
        raise typer.Exit(_INTERRUPTED) from None


class Terminal:
    """See `Seat`: a prompt where somebody types, lines of a pipe where nobody does."""

    def __init__(self) -> None:
        self._typed = sys.stdin.isatty()

    def ask(self) -> str | None:
        """See `Seat`. Ctrl-C and Ctrl-D hang up."""
        # the loop that runs beneath takes Ctrl-C for its own
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            text = input("> " if self._typed else "")
        except (EOFError, KeyboardInterrupt):
            return None
        finally:
            signal.signal(signal.SIGINT, before)
        if not self._typed and text.strip():
            out.print(f"[dim]>[/] {escape(text)}", highlight=False, emoji=False)
        return text

    def show(self, event: Event) -> None:
        """See `Seat`."""
        if isinstance(event, TurnLatency | LegMedia):
            return
        if isinstance(event, BargeIn) and event.decision == "paused":
            return
        told = line(event)
        if told is None:
            return
        label, text = told
        if not isinstance(event, Said):
            label, text = f"[dim]{_plain(label)}[/]", f"[dim]{text}[/]"
        elif event.speaker == "caller" and self._typed:
            return
        at = f"[dim]{when(event) / 1000:8.2f}[/]"
        out.print(f"{at}  {label}  {text}", highlight=False, emoji=False, soft_wrap=True)

    def tell(self, text: str) -> None:
        """See `Seat`."""
        out.print(text, highlight=False, emoji=False, markup=False, soft_wrap=True)


def _plain(label: str) -> str:
    """A label without its colour."""
    return label.partition("]")[2].partition("[/")[0]


def _number(plan: Plan) -> str:
    """The first number the plan is for, as far as it is one."""
    numbers: Sequence[str] = [to for route in plan.routes for to in route.to]
    return next((to for to in numbers if not set(to) & set("*X?[")), "100")


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise SipAgentError(f"--var {text}: it is NAME=VALUE")
    return name.strip(), value
