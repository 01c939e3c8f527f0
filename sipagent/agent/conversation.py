"""Conversation: what was said and, after a barge-in, only what was heard."""

from dataclasses import dataclass, field, replace
from time import time
from typing import Any, Literal

#: characters a mind keeps of a result that it was to read once
BRIEF = 400

Role = Literal["system", "caller", "agent", "tool"]


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A tool the agent asked for in a message."""

    id: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """One entry. `digits` are keys pressed in place of (or beside) words; `confidence` is the
    ears' own, 0..1. An agent message may carry the tools it asked for; a tool message answers
    one of them by `tool_call_id`. `sounds` are the names by which a mind that hears and speaks
    itself knows what stands here; it needs no telling, and the text may come later.
    """

    role: Role
    text: str = ""
    digits: str = ""
    confidence: float | None = None
    interrupted: bool = False
    requests: tuple[CallRequest, ...] = ()
    tool_call_id: str = ""
    tool: str = ""
    ok: bool = True
    sounds: tuple[str, ...] = ()
    #: wall clock, seconds since the epoch
    at: float = field(default_factory=time, compare=False, repr=False)


@dataclass(slots=True)
class Conversation:
    """The history a mind reads. Appended to only; `cut` and `reword` correct it.

    `prompt` is the system prompt as it stands at this turn; where it is empty the mind's own
    stands. `written` says that the answer is read and not spoken.
    """

    messages: list[Message] = field(default_factory=list)
    #: what the mind is not to know any more, one stretch for each time it was made to forget
    forgotten: list[tuple[Message, ...]] = field(default_factory=list)
    #: older than the window, of the stretch that goes on
    slid: list[Message] = field(default_factory=list)
    prompt: str = ""
    written: bool = False
    #: wishes for the model, by the names of pydantic-ai's settings; minds without such ignore them
    settings: dict[str, float] = field(default_factory=dict)
    #: words of the caller's whose answer was retracted
    _open: Message | None = None

    def add(self, message: Message) -> Message:
        """Append; returns the message, which `cut` knows it by."""
        self.messages.append(message)
        return message

    def cut(self, heard: str, message: Message | None = None) -> None:
        """An agent message (the newest where none is given) was interrupted: keep only what the
        caller heard of it, which may be nothing.
        """
        for index in range(len(self.messages) - 1, -1, -1):
            known = self.messages[index]
            if known is message or (message is None and known.role == "agent" and known.text):
                self.messages[index] = replace(known, text=heard, interrupted=True)
                return

    def reword(self, sound: str, words: str) -> None:
        """What was said in `sound` has become known."""
        for index in range(len(self.messages) - 1, -1, -1):
            known = self.messages[index]
            if sound in known.sounds:
                text = f"{known.text} {words}".strip()
                self.messages[index] = replace(known, text=text)
                return

    def slide(self, most: int) -> None:
        """Keep the newest `most` messages, and those that belong to them: what was asked for
        before an answer of a tool.
        """
        start = max(0, len(self.messages) - most)
        while start and self.messages[start].role == "tool":
            start -= 1
        self.slid += self.messages[:start]
        del self.messages[:start]

    def retract(self) -> bool:
        """The answer that was just stopped is as if it had not been, and what the caller says next
        belongs to what they said before; False where there is no such answer. The events keep it.
        """
        if len(self.messages) < 2:
            return False
        before, last = self.messages[-2:]
        if last.role != "agent" or not last.interrupted or last.requests:
            return False
        if before.role != "caller":
            return False
        self.messages.pop()
        self._open = before
        return True

    def hear(self, message: Message) -> Message:
        """Add what the caller said; to what they said before, where the answer was retracted."""
        before, self._open = self._open, None
        if before is None or self.last is not before:
            return self.add(message)
        whole = replace(
            message,
            text=f"{before.text} {message.text}".strip(),
            digits=before.digits + message.digits,
            sounds=before.sounds + message.sounds,
        )
        self.messages[-1] = whole
        return whole

    def reword_tool(self, tool_call_id: str, text: str | None, *, brief: bool = False) -> None:
        """The mind knows `text` in the place of a request and its result, or nothing, or (`brief`)
        the beginning of the result. A result nobody asked for is one that minds are not shown.
        """
        for index, known in enumerate(self.messages):
            if brief and known.role == "tool" and known.tool_call_id == tool_call_id:
                if len(known.text) > BRIEF:
                    self.messages[index] = replace(known, text=f"{known.text[:BRIEF]} [...]")
            elif not brief and any(one.id == tool_call_id for one in known.requests):
                left = tuple(one for one in known.requests if one.id != tool_call_id)
                said = f"{known.text} {text or ''}".strip()
                self.messages[index] = replace(known, text=said, requests=left)

    def forget(self, note: Message | None = None) -> None:
        """Keep nothing but the request that is being answered, and `note` in place of the rest."""
        kept = next((n for n in range(len(self.messages) - 1, -1, -1) if self._asks(n)), None)
        if kept is None:
            kept = len(self.messages)
        if kept:
            self.forgotten.append((*self.slid, *self.messages[:kept]))
            self.slid.clear()
        self.messages[:kept] = [note] if note is not None else []

    def _asks(self, index: int) -> bool:
        """True for a message whose tools are not all answered yet."""
        asked = {request.id for request in self.messages[index].requests}
        return bool(asked - {later.tool_call_id for later in self.messages[index + 1 :]})

    @property
    def count(self) -> int:
        """How many messages `all` has."""
        return sum(len(stretch) for stretch in self.forgotten) + len(self.messages)

    @property
    def all(self) -> tuple[Message, ...]:
        """Every message, those that were forgotten too."""
        return (*(m for stretch in self.forgotten for m in stretch), *self.slid, *self.messages)

    @property
    def spoken(self) -> str:
        """What the agent said last, as far as it was heard; empty where it said nothing yet."""
        texts = (m.text for m in reversed(self.messages) if m.role == "agent" and m.text)
        return next(texts, "")

    @property
    def last(self) -> Message | None:
        """The newest message, if any."""
        return self.messages[-1] if self.messages else None
