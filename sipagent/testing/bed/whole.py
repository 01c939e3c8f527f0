"""Was all of it heard? What the agent said, frame by frame, against what came out. Pure."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

from sipagent.events import Event, Said
from sipagent.media.frames import FRAME_MS, Frame

from .trial import Window

_FRAME = 320  # bytes of 20 ms at 8 kHz
#: frames looked ahead for the one that is heard; and how many in a row may be none of them before
#: it is looked for to the end
_NEAR, _STRANGE = 25, 10


def lost_ms(said: bytes, heard: Iterable[bytes], *, whole: bool) -> int:
    """How much of `said` is missing in `heard`, ms; silent frames in between do not count, nor
    does the end of what was not said `whole`. Exact: a frame that differs is a frame that is lost.
    """
    wanted = [said[at : at + _FRAME] for at in range(0, len(said), _FRAME)]
    at = lost = strange = 0
    for frame in heard:
        if not any(frame):
            continue
        # words come again: a frame that came twice is not one of the next time
        far = len(wanted) if strange >= _STRANGE else at + _NEAR
        try:
            found = wanted.index(frame, at, far)
        except ValueError:
            strange += 1
            continue
        lost += found - at
        at, strange = found + 1, 0
    return (lost + (len(wanted) - at if whole else 0)) * FRAME_MS


def losses(
    windows: Sequence[Window],
    events: Sequence[Event],
    heard: Sequence[Frame],
    sound: Callable[[str], bytes],
) -> list[float]:
    """For each window, what is missing of the utterance it fell into; all on the media clock."""
    times = [frame.t for frame in heard]
    lost = [0.0] * len(windows)
    for said in (e for e in events if isinstance(e, Said) and e.speaker == "agent"):
        inside = [n for n, window in enumerate(windows) if said.start <= window.onset < said.end]
        if not inside:
            continue
        first, last = bisect_left(times, said.start), bisect_left(times, said.end)
        frames = (frame.pcm for frame in heard[first:last])
        text = f"{said.text} {said.unheard}"
        missing = lost_ms(sound(text), frames, whole=not said.interrupted)
        if missing:
            lost[inside[-1]] = missing
    return lost
