"""`sipagent capacity`: how many machines so many calls a day need, reckoned from measurements."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from importlib.resources import files
from math import isnan
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from sipagent.errors import SipAgentError
from sipagent.testing.capacity.measured import Measured, Measurement, measurement
from sipagent.testing.capacity.sizing import CODECS, Demand, Node, Sized, size

from .style import JsonOption, out, print_json

#: copied from a `bench/capacity.json`; docs/capacity.md has it as a table
_BUILT_IN = "measured.json"


def capacity(  # noqa: PLR0917 - typer makes options of them
    calls_per_day: Annotated[float, typer.Option(help="of all lines together")] = 1_000_000,
    minutes: Annotated[float, typer.Option(help="a call lasts, in the mean")] = 3.0,
    configuration: Annotated[str, typer.Option("--with", help="as `bench capacity` has it")] = "",
    measured: Annotated[
        Path | None, typer.Option(help="capacity.json of your machine; default: ours")
    ] = None,
    busy_hour: Annotated[float, typer.Option(help="% of a day's calls in its busiest hour")] = 15.0,
    blocking: Annotated[float, typer.Option(help="% of those that may find no line")] = 0.1,
    cores: Annotated[int, typer.Option(min=1, help="of one machine")] = 8,
    fill: Annotated[float, typer.Option(help="% of what a machine holds that is used")] = 70.0,
    spare: Annotated[int, typer.Option(min=0, help="machines that may be away")] = 1,
    recorded: Annotated[float, typer.Option(help="% of calls that are recorded")] = 100.0,
    days: Annotated[float, typer.Option(min=0, help="that records are kept")] = 365.0,
    codec: Annotated[str, typer.Option(help=", ".join(CODECS))] = "PCMU",
    srtp: Annotated[bool, typer.Option("--srtp", help="media is encrypted")] = False,
    as_json: JsonOption = False,
) -> None:
    """Reckon lines, machines, bandwidth and disk for so many calls a day: docs/capacity.md."""
    found = _read(measured)
    one = _chosen(found, configuration)
    demand = Demand(
        calls_per_day,
        minutes,
        busy_share=busy_hour / 100,
        blocking=blocking / 100,
        legs=one.legs,
        recorded_share=recorded / 100,
        codec=codec,
        srtp=srtp,
        kept_days=days,
    )
    node = Node(one.per_core, cores, fill / 100, spare=spare)
    node = node if isnan(one.mib) else replace(node, mib=one.mib)
    try:
        plan = size(demand, node, one.sizes)
    except ValueError as error:
        raise SipAgentError(str(error)) from error
    if as_json:
        print_json({"configuration": one.name, "measured_on": found.machine, **asdict(plan)})
        return
    out.print(
        f"{calls_per_day:,.0f} calls a day of {minutes:g} min, [bold]{escape(one.name)}[/]:"
        f" {one.per_core:.0f} conversations on a core, measured on {escape(found.machine)} with"
        f" `{escape(found.command)}`",
        highlight=False,
        soft_wrap=True,
    )
    for what, value, how in _rows(plan, demand, node):
        out.print(f"{what:10}[bold]{value}[/]  [dim]{how}[/]", highlight=False, soft_wrap=True)


def _rows(plan: Sized, demand: Demand, node: Node) -> Iterator[tuple[str, str, str]]:
    yield (
        "busy hour",
        f"{plan.busy_calls:,.0f} calls, {plan.calls_per_second:.1f} a second",
        f"{demand.busy_share:.0%} of the day; {plan.peak_calls_per_second} a second at times",
    )
    yield (
        "lines",
        f"{plan.lines:,}",
        f"{plan.erlangs:,.0f} erlangs, Erlang B with {demand.blocking:.2%} blocked",
    )
    yield (
        "machines",
        f"{plan.nodes} of {node.cores} cores, {plan.memory_gib_per_node:.1f} GiB",
        f"{plan.conversations_per_node} conversations each ({node.fill:.0%} of what it holds),"
        f" {node.spare} to spare",
    )
    yield (
        "network",
        f"{plan.megabits:,.0f} Mbit/s each way",
        f"{plan.packets_per_second:,.0f} packets/s; {plan.megabits_per_node:.0f} Mbit/s a machine",
    )
    yield "proxy", f"{plan.sip_messages_per_second:,.0f} SIP messages/s", "both sides, dialogs only"
    yield "events", f"{plan.events_per_second:,.0f} a second", "rows of the database, bus messages"
    yield (
        "disk",
        f"{_bytes(plan.recordings_gb)} sound, {_bytes(plan.bundles_gb)} bundles,"
        f" {_bytes(plan.database_gb)} database",
        f"for {demand.kept_days:g} days, {demand.recorded_share:.0%} recorded",
    )


def _bytes(gb: float) -> str:
    return f"{gb / 1000:,.1f} TB" if gb >= 1000 else f"{gb:,.1f} GB"


def _chosen(found: Measurement, name: str) -> Measured:
    """By name; without one the first."""
    if not found.configurations:
        raise SipAgentError("nothing held in that measurement: there is nothing to reckon with")
    names = [one.name for one in found.configurations]
    if name and name not in names:
        raise SipAgentError(f"{name!r} was not measured; {', '.join(names)} were")
    return found.configurations[names.index(name) if name else 0]


def _read(path: Path | None) -> Measurement:
    text = (path or files("sipagent.testing.capacity") / _BUILT_IN).read_text
    try:
        told: Mapping[str, Any] = json.loads(text())
        return measurement(told)
    except OSError as error:
        raise SipAgentError(f"{path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise SipAgentError(
            f"{path} is no capacity.json of `sipagent bench capacity`: {error!r}"
        ) from error
