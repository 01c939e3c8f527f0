"""The mix of one room, and how short its queues stay."""

import numpy as np
import pytest

from sipagent.media.frames import frame_bytes, frame_samples
from sipagent.meeting.mixing import Mix, Seat
from sipagent.meeting.trimming import Trimmer

SECONDS = 1.0


def sine(hertz: float, rate: int, level: int = 6000) -> list[bytes]:
    """Frames of one second."""
    time = np.arange(int(rate * SECONDS)) / rate
    pcm = (level * np.sin(2 * np.pi * hertz * time)).astype("<i2").tobytes()
    size = frame_bytes(rate)
    return [pcm[start : start + size] for start in range(0, len(pcm), size)]


def strength(pcm: bytes, hertz: float, rate: int) -> float:
    """Amplitude of one frequency in the second half."""
    wave = np.frombuffer(pcm, "<i2").astype(float)
    wave = wave[len(wave) // 2 :]
    turn = np.exp(-2j * np.pi * hertz * np.arange(len(wave)) / rate)
    return float(2 * abs(np.mean(wave * turn)))


def mixed(mix: Mix, said: dict[Seat, list[bytes]]) -> dict[Seat, bytes]:
    heard = dict.fromkeys(said, b"")
    for frames in zip(*said.values(), strict=True):
        for seat, frame in zip(said, frames, strict=True):
            seat.said(frame)
        for seat, pcm in mix.tick():
            assert len(pcm) == frame_bytes(seat.rate)
            heard[seat] += pcm
    return heard


def test_everybody_hears_all_the_others_and_not_themselves() -> None:
    mix = Mix()
    pitches = {mix.join(8000): 300.0 + 250 * index for index in range(6)}
    heard = mixed(mix, {seat: sine(hertz, 8000, 3000) for seat, hertz in pitches.items()})
    for ears, pcm in heard.items():
        for mouth, hertz in pitches.items():
            expected = 0 if ears is mouth else 3000
            assert strength(pcm, hertz, 8000) == pytest.approx(expected, abs=60)


def test_narrow_and_wide_members_hear_each_other() -> None:
    mix = Mix()
    narrow, wide, other = mix.join(8000), mix.join(16_000), mix.join(8000)
    said = {narrow: sine(400, 8000), wide: sine(1500, 16_000), other: sine(700, 8000)}
    heard = mixed(mix, said)
    assert mix.rate == 16_000
    assert strength(heard[narrow], 1500, 8000) == pytest.approx(6000, rel=0.05)
    assert strength(heard[narrow], 700, 8000) == pytest.approx(6000, rel=0.05)
    assert strength(heard[narrow], 400, 8000) < 60
    assert strength(heard[wide], 400, 16_000) == pytest.approx(6000, rel=0.05)
    assert strength(heard[wide], 1500, 16_000) < 60
    mix.leave(wide)
    assert mix.rate == 8000
    assert strength(mixed(mix, {narrow: said[narrow], other: said[other]})[other], 400, 8000) > 5900


def test_wide_members_keep_their_band_beside_a_narrow_one() -> None:
    mix = Mix()
    one, other, narrow = mix.join(16_000), mix.join(16_000), mix.join(8000)
    said = {one: sine(6000, 16_000), other: sine(500, 16_000), narrow: sine(900, 8000)}
    assert strength(mixed(mix, said)[other], 6000, 16_000) == pytest.approx(6000, rel=0.05)


def test_a_member_who_is_late_is_silence_to_the_others() -> None:
    mix = Mix()
    late, loud, ears = mix.join(8000), mix.join(8000), mix.join(8000)
    for frame in sine(500, 8000)[:10]:
        loud.said(frame)
        heard = dict(mix.tick())
        assert heard[ears] == frame
        assert heard[late] == frame
        assert heard[loud] == bytes(frame_bytes(8000))


def test_many_loud_members_are_bounded_and_do_not_wrap_around() -> None:
    mix = Mix()
    seats = [mix.join(8000) for _ in range(5)]
    loudest = np.full(frame_samples(8000), 30_000, "<i2").tobytes()
    for seat in seats:
        seat.said(loudest)
    assert {min(np.frombuffer(pcm, "<i2")) for _, pcm in mix.tick()} == {32_767}


def test_a_member_who_floods_waits_in_a_bounded_queue() -> None:
    mix = Mix()
    flood, ears = mix.join(8000), mix.join(8000)
    for number in range(1000):
        flood.said(np.full(frame_samples(8000), number, "<i2").tobytes())
    kept = 0
    while np.frombuffer(dict(mix.tick())[ears], "<i2").any() or kept == 0:
        kept += 1
    assert kept <= 7


def arrivals(trimmer: Trimmer, waiting: list[int]) -> int:
    """How many were refused."""
    return sum(not trimmer.admit(count) for count in waiting)


def test_what_is_needed_now_and_then_is_kept() -> None:
    assert arrivals(Trimmer(), [2, 3, 1] * 500) == 0


def test_what_is_never_needed_goes_a_frame_a_second() -> None:
    assert arrivals(Trimmer(), [4] * 500) == 10


def test_nothing_waits_beyond_the_bound() -> None:
    assert arrivals(Trimmer(most=6), [6] * 100) == 100
