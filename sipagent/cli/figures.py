"""What a call came to, in figures: turns with their waterfall, usage and cost, consent, media."""

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from sipagent.call.cdr import Cdr
from sipagent.call.waterfall import RESPONSE, STAGES, Figures, Turn

#: heads and colours of the stages
_HEADS = {
    "endpoint": ("wait", "bright_black"),
    "final_text": ("text", "blue"),
    "first_token": ("word", "magenta"),
    "first_sentence": ("sent.", "bright_magenta"),
    "first_audio": ("audio", "cyan"),
    "first_rtp": ("wire", "green"),
}
_BAR = 20


def tables(cdr: Cdr, turns: Sequence[Turn]) -> Iterator[Table]:
    """Those that have anything to say."""
    if turns:
        yield _turns(cdr, turns)
    if cdr.usage:
        yield _usage(cdr)
    if cdr.consent:
        yield _consent(cdr)
    if cdr.media:
        yield _media(cdr)


def _turns(cdr: Cdr, turns: Sequence[Turn]) -> Table:
    table = _table("turns, ms", "turn", "ended by")
    for head, colour in _HEADS.values():
        table.add_column(head, justify="right", style=colour, no_wrap=True)
    for head in ("all", "own"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    longest = max(1, *(turn.response_ms or 0 for turn in turns))
    for turn in turns:
        stages = (_ms(turn.took.get(stage)) for stage in STAGES)
        whole = _ms(turn.response_ms) if turn.outcome == "answered" else ""
        ending = Text(turn.reason)
        table.add_row(
            str(turn.turn), ending, *stages, whole, _ms(turn.overhead_ms), _told(turn, longest)
        )
    table.add_section()
    for name in ("p50", "p95"):
        figures = [cdr.latency.get(stage) for stage in (*STAGES, RESPONSE)]
        table.add_row(name, "", *(_ms(_of(f, name)) for f in (*figures, cdr.overhead)), "")
    return table


def _told(turn: Turn, longest: int) -> Text:
    """A bar with a stretch for each stage, or why there is none; and who failed."""
    bar = Text()
    if turn.outcome == "answered":
        for stage, (_, colour) in _HEADS.items():
            end = round(_BAR * turn.reached.get(stage, 0) / longest)
            bar.append("█" * max(0, end - len(bar)), style=colour)
    else:
        bar.append(turn.outcome, style="red" if turn.outcome == "failed" else "yellow")
    if turn.failed:
        bar.append(f" failed: {', '.join(turn.failed)}", style="red")
    return bar


def _usage(cdr: Cdr) -> Table:
    table = _table("usage", "", "provider", "model")
    for head in ("replies", "in", "cached", "out", "s", "chars", "cost"):
        table.add_column(head, justify="right", no_wrap=True)
    for share in cdr.usage:
        counts = (share.replies, share.input, share.cached, share.output)
        table.add_row(
            share.role,
            Text(share.provider),
            Text(share.model),
            *(_some(count) for count in counts),
            f"{share.seconds:.1f}" if share.seconds else "",
            _some(share.characters),
            _money(share.cost),
        )
    if cdr.cost is not None and len(cdr.usage) > 1:
        table.add_section()
        table.add_row("all", *[""] * 8, _money(cdr.cost))
    return table


def _consent(cdr: Cdr) -> Table:
    table = _table("consent to recording", "", "", "")
    for stamp in cdr.consent:
        table.add_row(
            stamp.consent, f"{stamp.at:%Y-%m-%d %H:%M:%S} by {stamp.how}", Text(stamp.question)
        )
    return table


def _media(cdr: Cdr) -> Table:
    table = _table("audio", "leg", "codec")
    for head in ("sent", "received", "lost", "jitter ms", "their loss", "round trip ms"):
        table.add_column(head, justify="right", no_wrap=True)
    for media in cdr.media:
        table.add_row(
            media.role,
            media.codec,
            *(str(count) for count in (media.sent, media.received, media.lost)),
            f"{media.jitter_ms:.1f}",
            "" if media.remote_lost is None else str(media.remote_lost),
            _ms(media.round_trip_ms),
        )
    return table


def _table(title: str, *heads: str) -> Table:
    table = Table(
        box=None,
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="dim",
        padding=(0, 1, 0, 0),
    )
    for head in heads:
        table.add_column(head, overflow="fold")
    return table


def _of(figures: Figures | None, name: str) -> float | None:
    return None if figures is None else getattr(figures, name)


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _some(count: int) -> str:
    return str(count) if count else ""


def _money(cost: float | None) -> str:
    return "" if cost is None else f"{cost:.4f}"
