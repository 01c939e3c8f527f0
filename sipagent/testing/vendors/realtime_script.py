"""Script: what a local speech-to-speech server hears and says; each word is a sound of its own."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ..model_server import ToolUse
from .faults import Fault
from .sounds import tone

MS_PER_WORD = 200
#: mu-law codes at and below this are loud (positive); their negatives are these without bit 7
_LOUD = (0x90, 0xA8)


@dataclass(slots=True)
class Item:
    """One item of a conversation as the server holds it."""

    id: str
    role: str
    text: str = ""
    audio: bytearray = field(default_factory=bytearray)
    call_id: str = ""
    truncated_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `pace` seconds pass after each word, `drop_after` cuts the connection after so
    many, a fault goes wrong with it. With `when` it is for the first last item that satisfies it.
    """

    text: str = ""
    tools: Sequence[ToolUse] = ()
    fault: Fault | None = None
    pace: float = 0.0
    drop_after: int | None = None
    when: Callable[[Item], bool] | None = None


@dataclass(slots=True)
class Script:
    """`replies` in order, then `default`; `heard` is what the caller's sounds are written as, in
    order, then nothing.
    """

    replies: list[Reply | str] = field(default_factory=list)
    heard: list[str | Fault] = field(default_factory=list)
    default: str = "Yes."
    transcription_seconds: float = 0.0

    def reply(self, last: Item | None) -> Reply:
        """The next answer, where the conversation ends with `last`."""
        for index, known in enumerate(self.replies):
            reply = Reply(known) if isinstance(known, str) else known
            if reply.when is None or (last is not None and reply.when(last)):
                del self.replies[index]
                return reply
        return Reply(self.default)

    def hears(self) -> str | Fault:
        """What the next sound is written as."""
        return self.heard.pop(0) if self.heard else ""

    def sound(self, reply: Reply, form: str) -> Iterator[tuple[str, bytes]]:
        """The words of a reply and their sounds; of babble there is no end."""
        words = iter(reply.text.split())
        if reply.fault is Fault.HUGE:
            words = iter(lambda: "babble", None)
        for word in words:
            yield word, sound_of(word, form)


def sound_of(word: str, form: str) -> bytes:
    """The sound of a word in a format of OpenAI's: of G.711 bytes that are only this word's, of
    PCM (24 kHz) a tone.
    """
    dice = random.Random(word)  # noqa: S311 - no secret
    if form == "audio/pcm":
        return tone(300 + dice.randrange(20) * 50, MS_PER_WORD, 24_000)
    codes = [code ^ sign for code in range(*_LOUD) for sign in (0, 0x80)]
    return bytes(dice.choice(codes) for _ in range(8 * MS_PER_WORD))
