"""Mirror: what one open session knows of the conversation, and what it still has to be told."""

from collections.abc import Mapping, Sequence

from sipagent.errors import ProviderError
from sipagent.media.frames import Frame

from ..conversation import Conversation, Message
from ..protocols import ToolCall
from .answer import Answer
from .history import NOT_UNDERSTOOD, Result, Said, Text, ToTell, cut_off, recent, to_tell
from .model import Setup, SpeechModel
from .sounds import CallerSound

#: frames that are sent as one where they are all there already
_TOGETHER = 10


class Mirror:
    """All by our names. `failure` says why it is of no more use."""

    def __init__(self, model: SpeechModel, setup: Setup) -> None:
        self.model = model
        self.setup = setup
        self.failure: ProviderError | None = None
        #: the server will end it soon
        self.leaving = False
        #: it hears the caller speak at this moment
        self.listening = False
        self.answers: dict[str, Answer] = {}
        self.asked: dict[str, ToolCall] = {}
        #: messages of the conversation it was told
        self._told = 0
        #: sounds it was given and answers it has made
        self._known: set[str] = set()
        #: a sound it has heard as it was spoken, and that waits to be given its place
        self._pending = ""
        #: sounds that stand in the conversation and have no answer yet
        self._open_questions: set[str] = set()
        #: sounds it was given for their words alone: they may yet turn out to be nothing
        self._early: set[str] = set()
        #: answers that were cut off, where the model cannot be told how much was heard
        self._cuts: list[str] = []

    @property
    def usable(self) -> bool:
        """True where it can be asked for another answer."""
        return self.failure is None and not (self.leaving and not self.answers)

    def change(self, setup: Setup) -> None:
        """Another prompt or other tools from now on."""
        if setup != self.setup:
            self.setup = setup
            self.model.change(setup)

    def heard(self, sound: str) -> None:
        """It has heard an utterance as it was spoken."""
        self._pending = sound

    def give(self) -> None:
        """Let it have what it has heard: something hangs on the words, or more is being said."""
        if self._pending:
            self.model.commit(self._pending)
            self._known.add(self._pending)
            self._early.add(self._pending)
            self._pending = ""

    def open(self, answer: Answer) -> None:
        """It is about to make this."""
        self.answers[answer.name] = answer
        self._known.add(answer.name)

    def cut(self, answer: Answer, played_ms: int) -> None:
        """The caller stopped an answer."""
        if not answer.over:
            self.model.cancel(answer.name)
        if self.model.traits.truncates:
            self.model.cut(answer.name, played_ms)
        else:
            self._cuts.append(answer.name)

    def answered(self) -> frozenset[str]:
        """Sounds that no other session has to hear, now that an answer is over."""
        settled = frozenset(self._open_questions)
        self._open_questions.clear()
        return settled

    def tell(self, conversation: Conversation, sounds: Mapping[str, CallerSound]) -> None:
        """Let it know all that it does not; `sounds` are what can be played to it."""
        messages = conversation.messages
        self._drop_unmeant(messages)
        new = messages[self._told :] if self._told else recent(messages)
        self._told = len(messages)
        telling: list[ToTell] = [Text("system", cut_off(cut, messages)) for cut in self._cuts]
        self._cuts.clear()
        kept = {name for name, sound in sounds.items() if sound.frames}
        telling += to_tell(new, known=self._known - self._early, kept=kept, asked=self.asked)
        in_place = True
        for what in telling:
            match what:
                case Text(whose, text):
                    self.model.write(whose, text)
                    in_place = False
                case Result(call_id, text):
                    self.model.result(self.asked[call_id], text)
                case Said(name):
                    self._place(name, sounds[name].frames, in_place=in_place)
        self._early.clear()

    def _place(self, sound: str, frames: Sequence[Frame], *, in_place: bool) -> None:
        self._open_questions.add(sound)
        if sound in self._early:
            if in_place or self.listening:
                return
            self.model.drop(sound)
        elif self.listening:
            # two voices at once would be one to it
            self.model.write("caller", NOT_UNDERSTOOD)
            return
        if sound == self._pending:
            self._pending = ""
        else:
            for first in range(0, len(frames), _TOGETHER):
                self.model.hear(b"".join(f.pcm for f in frames[first : first + _TOGETHER]))
        self.model.commit(sound)
        self._known.add(sound)

    def _drop_unmeant(self, messages: Sequence[Message]) -> None:
        """A cough, or a sign of listening. Should it be meant after all, it is played again."""
        meant = {sound for message in messages for sound in message.sounds}
        for sound in sorted(self._early - meant):
            self.model.drop(sound)
            self._known.discard(sound)
        self._early &= meant
