"""Our own voice is known when it comes back, and nobody else's is taken for it."""

import numpy as np
import numpy.typing as npt
import pytest

from sipagent.media.clock import MediaClock
from sipagent.media.echo import Echo, EchoMeter
from sipagent.media.frames import Frame
from sipagent.media.port import AudioPort
from sipagent.testing.voice import speak

Sound = npt.NDArray[np.float64]
OURS = "On day one we saw hedgehogs in the garden, and two of them were asleep."
THEIRS = "Please put me through to the sales department."


def said(text: str, voice: str = "en-us+f2") -> Sound:
    return np.frombuffer(speak(text, voice), "<i2").astype(np.float64)


def back(sound: Sound, ms: int, gain: float) -> Sound:
    return np.concatenate([np.zeros(ms * 8), sound]) * gain


def frames(sound: Sound, count: int) -> list[Frame]:
    whole = np.zeros(count * 160)
    whole[: min(sound.size, whole.size)] = sound[: whole.size]
    pcm = np.clip(whole, -32_768, 32_767).astype("<i2").tobytes()
    return [Frame(pcm[n * 320 : (n + 1) * 320], n * 20) for n in range(count)]


def measured(ours: Sound, heard: Sound) -> list[Echo]:
    """One figure a frame; the meter is told the newest second of what was played."""
    meter, count = EchoMeter(8000), ours.size // 160
    played = frames(ours, count)
    return [
        meter.frame(frame, [f for f in played[max(0, n - 49) : n + 1] if any(f.pcm)])
        for n, frame in enumerate(frames(heard, count))
    ]


@pytest.mark.parametrize(("ms", "gain"), [(20, 0.3), (140, 0.1), (380, 0.05)])
def test_an_echo_is_our_own_voice_within_a_few_frames(ms: int, gain: float) -> None:
    ours = said(OURS)
    own = [n for n, echo in enumerate(measured(ours, back(ours, ms, gain))) if echo.own]
    assert own[0] * 20 <= ms + 300
    loud = [n for n, f in enumerate(frames(back(ours, ms, gain), ours.size // 160)) if any(f.pcm)]
    assert len(set(own) & set(loud[15:])) >= 0.95 * len(loud[15:])


def test_an_echo_is_followed_when_a_jitter_buffer_moves_it() -> None:
    ours = said(OURS)
    middle = ours.size // 2
    early, late = back(ours, 140, 0.2)[:middle], back(ours, 180, 0.2)[middle : ours.size]
    found = measured(ours, np.concatenate([early, late]))
    moved = middle // 160
    assert sum(not echo.own for echo in found[moved - 10 : moved + 20]) <= 2


def test_the_delay_is_told() -> None:
    ours = said(OURS)
    lags = {echo.lag_ms for echo in measured(ours, back(ours, 140, 0.2)) if echo.correlation > 0.9}
    assert lags <= {139, 140, 141}


@pytest.mark.parametrize("voice", ["en-us+m3", "en-us+f2"])
def test_another_voice_is_never_our_own(voice: str) -> None:
    """Not even the very same one that says other words."""
    assert not any(echo.own for echo in measured(said(OURS), said(THEIRS, voice)))


def test_a_caller_who_speaks_over_the_echo_is_heard() -> None:
    ours, theirs = said(OURS), said(THEIRS, "en-us+m3")
    echo, begin = back(ours, 140, 0.2)[: ours.size], 2000 * 8
    over = np.zeros_like(echo)
    over[begin : begin + theirs.size] = theirs[: over.size - begin]
    found = measured(ours, echo + over)
    assert any(echo.own for echo in found[50:100])
    louder = [n for n in range(104, len(found)) if _power(over, n) > 4 * _power(echo, n)]
    assert len(louder) > 30
    assert sum(not found[n].own for n in louder) >= 0.95 * len(louder)


def _power(sound: Sound, frame: int) -> float:
    """Of the 80 ms up to the end of a frame."""
    piece = sound[max(0, frame - 3) * 160 : (frame + 1) * 160]
    return float(np.mean(piece**2))


def test_nothing_is_our_own_while_we_are_silent() -> None:
    theirs = said(THEIRS)
    assert not any(echo.own for echo in measured(np.zeros_like(theirs), theirs))


async def test_a_port_keeps_what_was_pulled_with_its_time() -> None:
    clock = MediaClock()
    port = AudioPort("agent", 8000, clock)
    await port.play(b"\1\0" * 160 * 60)
    for _ in range(60):
        clock.tick()
        port.pull()
    port.pause()
    clock.tick()
    port.pull()
    assert [frame.t for frame in port.recent] == list(range(220, 1220, 20))
    assert {frame.pcm for frame in port.recent} == {b"\1\0" * 160}


def test_frames_in_which_nobody_can_be_speaking_are_remembered_all_the_same() -> None:
    ours = said(OURS)
    heard, played = frames(back(ours, 140, 0.3), ours.size // 160), frames(ours, ours.size // 160)
    always, seldom = EchoMeter(8000), EchoMeter(8000)
    for n, frame in enumerate(heard):
        newest = played[max(0, n - 49) : n + 1]
        whole = always.frame(frame, newest)
        if n % 100 >= 50:
            # the search itself goes on where it was left, so its answers may differ at first
            part = seldom.frame(frame, newest, voice=True)
            if n % 100 >= 75:
                assert abs(part.correlation - whole.correlation) < 0.01
        else:
            assert seldom.frame(frame, newest, voice=False) == Echo()
