"""The picture of a call."""

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sipagent.events import (
    CallEnded,
    CallStarted,
    Event,
    PolicyDecided,
    Said,
    SipMessage,
    StepStarted,
)
from sipagent.store.lanes import lanes
from sipagent.store.marks import GREY, RED
from sipagent.store.moments import clock
from sipagent.store.strip import WIDTH, Rows
from sipagent.store.svg import shortened, text_width
from sipagent.store.timeline import draw
from sipagent.store.waveform import read_peaks

SVG = "{http://www.w3.org/2000/svg}"


def picture(events: list[Event]) -> ElementTree.Element:
    return ElementTree.fromstring(draw(events))


def words(root: ElementTree.Element) -> list[str]:
    return ["".join(e.itertext()) for e in root.iter(f"{SVG}text")]


def number(element: ElementTree.Element, name: str) -> float:
    return float(element.attrib[name])


def boxes(root: ElementTree.Element) -> list[tuple[float, float, float, str]]:
    """Left, right, baseline and words of every label inside the plot."""
    found = []
    for element in root.iter(f"{SVG}text"):
        label = "".join(element.itertext())
        x, size = number(element, "x"), number(element, "font-size")
        width = text_width(label, size)
        anchor = element.get("text-anchor")
        left = {"end": x - width, "middle": x - width / 2}.get(anchor or "", x)
        found.append((left, left + width, number(element, "y"), label))
    return found


def overlapping(root: ElementTree.Element) -> list[tuple[str, str]]:
    seen = boxes(root)
    return [
        (a[3], b[3])
        for index, a in enumerate(seen)
        for b in seen[index + 1 :]
        if abs(a[2] - b[2]) < 9 and a[0] < b[1] and b[0] < a[1]
    ]


def test_everything_of_a_call_is_in_its_picture(busy_call: list[Event]) -> None:
    shown = words(picture(busy_call))
    for expected in (
        "sip:+442071838750@trunk.example → sip:100@pbx.example",
        "what are your opening hours",
        "transfer me to sales <now> & please",
        "stopped (2 words): to sales",
        "resumed (mm-hmm): mm",
        "→ INVITE",
        "→ 486 Busy Here",
        "→ 200 OK (BYE)",
        "confirmed 200",
        "disconnected 486 Busy Here",
        "hangup(): the call was ended",
        "transfer allowed by the caller's yes",
        "0.43 s (complete)",
        "[1]",
        "mind failed: 429, then retry",
        "jitter: 60 ms of late frames",
        "end: normal (by agent)",
        "record_call",
        "recording.wav",
    ):
        assert expected in shown


def test_what_is_private_decided_and_guided_is_in_the_picture(
    private_call: list[Event],
) -> None:
    root = picture(private_call)
    shown = words(root)
    for expected in (
        "consent given by key",
        "card_number: collected, 16 keys",
        "agent billing",
        "step pay",
        "language de",
        "mind failed: 429 Too Many Requests, then next: claude",
        "failed (patient)",
        "tap to wss://qa.example/calls",
        "stopped (3 words): [card number]",
    ):
        assert expected in shown
    assert overlapping(root) == []


def test_what_nobody_was_to_hear_is_hatched_on_the_callers_side(private_call: list[Event]) -> None:
    root = picture(private_call)
    hatched = [e for e in root.iter(f"{SVG}rect") if e.get("fill") == "url(#hatch)"]
    stroked = [e for e in hatched if e.get("stroke") == GREY]
    assert len(stroked) == 1 and len(hatched) == 3  # its lane, and the legend
    assert root.find(f".//{SVG}pattern[@id='hatch']") is not None
    caller = next(
        lane for lane in lanes(private_call, clock(private_call)) if lane.name == "caller"
    )
    assert caller.hushed == [(9_000, 21_300)]


def test_the_waterfall_of_a_turn_is_drawn_stage_by_stage(private_call: list[Event]) -> None:
    found = lanes(private_call, clock(private_call))
    turns = next(lane for lane in found if lane.name == "turns").marks
    assert turns[0].label == "0.92 s (complete)"
    stretches = [end - begin for begin, end, _ in turns[0].parts]
    assert stretches == [360, 60, 250, 60, 150, 40]
    assert turns[0].detail.startswith("turn 1 ended (complete: a whole sentence)")


def test_what_policy_denied_is_red(busy_call: list[Event]) -> None:
    root = picture(busy_call)
    denied = next(e for e in root.iter(f"{SVG}text") if "DENIED" in "".join(e.itertext()))
    assert denied.get("fill") == RED


def test_words_that_were_never_heard_are_struck_through(busy_call: list[Event]) -> None:
    root = picture(busy_call)
    (struck,) = (e for e in root.iter(f"{SVG}tspan") if e.get("text-decoration"))
    assert (struck.text or "").startswith("to Friday")


@pytest.mark.parametrize("seconds", [2, 11, 59, 61, 130, 620, 1800])
def test_labels_never_cover_each_other_however_long_the_call(
    seconds: int, chatting: Callable[[int], list[Event]]
) -> None:
    assert overlapping(picture(chatting(seconds))) == []


def test_labels_of_a_busy_call_do_not_cover_each_other(busy_call: list[Event]) -> None:
    assert overlapping(picture(busy_call)) == []


@pytest.mark.parametrize("seconds", [2, 59, 1800])
def test_the_picture_is_as_wide_as_promised(
    seconds: int, chatting: Callable[[int], list[Event]]
) -> None:
    root = picture(chatting(seconds))
    assert 1200 <= number(root, "width") <= 1600
    assert all(right <= WIDTH for _, right, _, _ in boxes(root))
    assert all(bottom <= number(root, "height") for _, _, bottom, _ in boxes(root))


def test_every_turn_of_half_an_hour_is_written_out(
    chatting: Callable[[int], list[Event]],
) -> None:
    events = chatting(1800)
    shown = words(picture(events))
    assert all(e.text in shown for e in events if isinstance(e, Said))


def test_a_crowd_of_events_in_one_moment_keeps_the_picture_small_and_red_in_sight() -> None:
    events: list[Event] = [CallStarted(call_id="c", caller="a", callee="b")]
    events += [
        StepStarted(call_id="c", t=5, section="main", index=n, verb="set") for n in range(500)
    ]
    events.append(
        PolicyDecided(call_id="c", t=5, verb="transfer", by="model", allowed=False, reason="no")
    )
    root = picture(events)
    assert number(root, "height") < 500
    assert "transfer DENIED: no" in words(root)
    assert len(list(root.iter(f"{SVG}circle"))) > 400


def test_hostile_words_cannot_break_the_picture() -> None:
    text = '</text><script>alert("x")</script> & \x00\x1b\ufffe \ud7ff 漢字 '
    said = Said(call_id="c", speaker="caller", text=text, unheard=text, start=0, end=900)
    root = picture([said, CallEnded(call_id="c", t=1_000, reason=text)])
    assert list(root.iter(f"{SVG}script")) == []
    assert any("<script>" in line for line in words(root))


def test_the_ladder_stands_on_the_wall_clock_and_the_rest_on_the_media_clock(
    busy_call: list[Event],
) -> None:
    time = clock(busy_call)
    ladder = next(lane for lane in lanes(busy_call, time) if lane.name == "SIP")
    assert [mark.t for mark in ladder.marks] == [0, 1, 13, 35, 27_624, 27_664]
    assert {mark.shape for mark in ladder.marks} == {"in", "out"}


def test_each_dialog_has_a_ladder_of_its_own(busy_call: list[Event]) -> None:
    names = [lane.name for lane in lanes(busy_call, clock(busy_call))]
    assert [name for name in names if name.startswith("SIP")] == ["SIP", "SIP 2"]


def test_an_outbound_call_points_its_first_invite_outwards() -> None:
    start = CallStarted(call_id="c", direction="outbound", caller="a", callee="b")
    invite = SipMessage(
        call_id="c", at=start.at, source="us", destination="them", start_line="INVITE sip:b SIP/2.0"
    )
    assert "← INVITE" in words(picture([start, invite]))


def test_waveforms_are_drawn_where_someone_spoke(
    busy_call: list[Event], recorder: Callable[[Path, list[Event]], Path], tmp_path: Path
) -> None:
    # the recording begins 45 ms into the call, on a clock that had run for 53 s
    peaks = read_peaks(recorder(tmp_path, busy_call), start=53_045)
    root = ElementTree.fromstring(draw(busy_call, [peaks]))
    shapes = [e.attrib["d"] for e in root.iter(f"{SVG}path") if e.get("opacity") == "0.8"]
    assert len(shapes) == 2
    caller = [tuple(map(float, p.split())) for p in re.findall(r"[\d.]+ [\d.]+", shapes[0])]
    middle = sum(y for _, y in caller) / len(caller)
    heights = {x: abs(y - middle) for x, y in caller}

    def loudest(start: int, end: int) -> float:
        left, right = (104 + 1280 * t / 28_000 for t in (start, end))
        return max(h for x, h in heights.items() if left < x < right)

    assert loudest(3_300, 4_700) > 5
    assert loudest(5_200, 7_700) < 3


def test_a_call_without_events_has_no_picture() -> None:
    with pytest.raises(ValueError, match="without events"):
        draw([])


def test_rows_give_way_to_each_other() -> None:
    rows = Rows()
    assert [rows.place(x, 50, 3) for x in (0, 10, 60, 20, 30)] == [0, 1, 0, 2, None]


def test_text_is_cut_to_its_room_with_an_ellipsis() -> None:
    cut = shortened("one two three four five", 11, 80)
    assert cut.endswith("…")
    assert text_width(cut, 11) <= 80
    assert shortened("short", 11, 80) == "short"
    assert shortened("words", 11, 3) == ""
