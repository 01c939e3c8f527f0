"""What can be read off one direction of a call's audio."""

import pytest

from sipagent.testing import audio
from sipagent.testing.listening import SilenceWatch, SpeechWatch
from sipagent.testing.rtp import Packet, Reception, event, events, pack, unpack
from sipagent.testing.track import Passed, Track

LOUD = audio.encode("PCMU", audio.speech_like(0.02, 1))
QUIET = audio.encode("PCMU", bytes(320))


def passed(number: int, payload: bytes, *, at: float | None = None, ssrc: int = 7) -> Passed:
    data = pack(0, number & 0xFFFF, 160 * number & 0xFFFFFFFF, ssrc, payload)
    return 100 + 0.02 * number if at is None else at, data


def packet(number: int, payload: bytes = QUIET, *, at: float | None = None) -> Packet:
    when, data = passed(number, payload, at=at)
    found = unpack(data, when)
    assert found is not None
    return found


def a_track(*pieces: Passed) -> Track:
    track = Track()
    track.add(pieces)
    return track


def test_speech_and_its_pauses_are_told_apart() -> None:
    loud = {*range(10, 20), *range(22, 30), *range(60, 70)}
    track = a_track(*(passed(n, LOUD if n in loud else QUIET) for n in range(80)))
    spans = track.spans()
    assert [(round(s.start, 2), round(s.end, 2)) for s in spans] == [(100.2, 100.6), (101.2, 101.4)]
    assert track.onset() == pytest.approx(100.2)
    assert track.onset(100.7) == pytest.approx(101.2)


def test_the_end_of_speech_is_found_from_a_moment_within_it() -> None:
    track = a_track(*(passed(n, LOUD if n < 30 else QUIET) for n in range(80)))
    assert track.fell_silent(100.3) == pytest.approx(100.6)
    assert track.fell_silent(101.0) == pytest.approx(101.0)


def test_speech_that_may_go_on_has_not_ended() -> None:
    track = a_track(*(passed(n, LOUD) for n in range(30)))
    assert track.fell_silent(100.1) is None


def test_missing_packets_are_silence_of_the_same_length() -> None:
    track = a_track(*(passed(n, LOUD) for n in (0, 1, 5, 6)))
    pcm = track.pcm()
    piece = audio.decode("PCMU", LOUD)
    assert pcm[: 7 * 320] == piece * 2 + bytes(3 * 320) + piece * 2


def test_jitter_and_disorder_leave_no_trace_in_the_timeline() -> None:
    speech = audio.encode("PCMU", audio.speech_like(1.0, 5))
    pieces = [
        passed(n, speech[160 * n : 160 * n + 160], at=100 + 0.02 * n + (0.013 if n % 3 else 0))
        for n in range(50)
    ]
    pieces[10], pieces[11] = pieces[11], pieces[10]
    assert a_track(*pieces).pcm()[:16000] == audio.decode("PCMU", speech)


def test_numbers_that_wrap_around_are_followed() -> None:
    first = (1 << 32) // 160 - 5
    track = a_track(*(passed(first + n, LOUD, at=100 + 0.02 * n) for n in range(10)))
    assert track.pcm()[: 10 * 320] == audio.decode("PCMU", LOUD) * 10


def test_a_new_source_is_laid_where_it_arrived() -> None:
    track = a_track(passed(0, LOUD), passed(900, LOUD, at=100.1, ssrc=8))
    piece = audio.decode("PCMU", LOUD)
    assert track.pcm()[: 6 * 320] == piece + bytes(4 * 320) + piece


def test_a_bounded_track_forgets_the_oldest() -> None:
    track = Track(seconds=0.2)
    track.add(passed(n, QUIET) for n in range(50))
    assert [p.seq for p in track.packets()] == list(range(40, 50))


def test_two_loud_packets_are_speech_and_one_is_a_click() -> None:
    watch = SpeechWatch()
    assert watch.look([packet(1, LOUD), packet(2), packet(3, LOUD)], 100.1) is None
    assert watch.look([packet(4, LOUD)], 100.1) == pytest.approx(100.06)


def test_silence_counts_from_the_last_loud_packet() -> None:
    watch = SilenceWatch(0.3, began=100.0)
    assert watch.look([packet(5, LOUD)], 100.2) is None
    assert watch.look([packet(n) for n in range(6, 20)], 100.4) is None
    assert watch.look([packet(21)], 100.43) == pytest.approx(100.12)


def test_no_packets_at_all_are_silence_too() -> None:
    watch = SilenceWatch(0.3, began=100.0)
    assert watch.look([], 100.25) is None
    assert watch.look([], 100.33) == 100.0


def test_loss_disorder_and_lateness_are_counted() -> None:
    reception, highest = Reception(), None
    arrivals = [(0, 0.0), (1, 0.02), (3, 0.06), (2, 0.061), (4, 0.145), (6, 0.165)]
    for number, at in arrivals:
        found = packet(number, at=at)
        reception.count(found, highest)
        if highest is None or found.seq > highest.seq:
            highest = found
    assert (reception.packets, reception.lost, reception.reordered) == (6, 1, 1)
    assert reception.late == 1
    assert reception.longest_gap_ms == pytest.approx(85)


def test_a_pause_the_sender_made_is_not_lateness() -> None:
    reception = Reception()
    before, after = packet(0, at=0.0), packet(10, at=0.2)
    reception.count(after._replace(seq=1), before)
    assert reception.late == 0


def test_a_key_is_told_by_rising_durations_and_three_ends() -> None:
    told = [event(payload) for payload in events("#", 60)]
    assert [(e.key, e.end, e.duration) for e in told if e] == [
        ("#", False, 160),
        ("#", False, 320),
        ("#", False, 480),
        *[("#", True, 480)] * 3,
    ]


def test_extensions_padding_and_contributors_are_no_audio() -> None:
    header = pack(0, 1, 2, 3, b"")
    extended = bytes([0x80 | 0x20 | 0x10 | 1]) + header[1:]
    data = extended + b"csrc" + b"\xbe\xde\0\1" + b"ext." + QUIET + b"\0\0\0\4"
    found = unpack(data, 1.0)
    assert found is not None
    assert found.payload == QUIET


def test_rtcp_is_no_rtp() -> None:
    assert unpack(bytes([0x80, 200]) + bytes(26), 1.0) is None
