"""Observer: what happens in one talk, kept for whoever reports of it or asks while it goes on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import uuid4

from sipagent.call.session import CallSession
from sipagent.events import Base, Event, LegMedia, SipMessage, WebAsked

from ..conversation import Conversation, Message
from .entries import Happening, entries, system_prompt

E = TypeVar("E", bound=Base)
#: events and function calls kept of one talk; a call that has more is reported without the rest
_MOST = 20_000
#: of signalling and errands, not of the talk
_OTHERS = (SipMessage, LegMedia, WebAsked)
Listener = Callable[[Happening], None]
FunctionListener = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Span:
    """When a talk began and ended, wall clock; `end` is None while it goes on."""

    begin: datetime
    end: datetime | None = None


class Observer:
    """A TalkLog. It is told nothing: it reads the call's events and the conversation. It `keeps`
    them only where somebody may ask for them: a talk may last for hours.
    """

    def __init__(self, conversation: Conversation, *, keeps: bool = True) -> None:
        self._most = _MOST if keeps else 0
        self.conversation = conversation
        self.session_id = str(uuid4())
        self.span = Span(datetime.now(UTC))
        self.happened: list[Happening] = []
        self._functions: list[dict[str, Any]] = []
        self._listeners: list[tuple[Listener, FunctionListener]] = []
        self._call: CallSession | None = None
        self._unwatch: Callable[[], None] = lambda: None

    def open(self, call: CallSession) -> None:
        """The talk begins."""
        self._call = call
        call.talk_log = self
        self.span = Span(datetime.now(UTC))
        self._unwatch = call.watch(self._event)

    def close(self) -> None:
        """The talk is over."""
        self._unwatch()
        self._unwatch = lambda: None
        self.span = Span(self.span.begin, datetime.now(UTC))

    def listen(self, listener: Listener, functions: FunctionListener) -> None:
        """Tell `listener` of everything as it happens until the talk is over, and `functions` of
        what is called outside. They must not raise or wait.
        """
        self._listeners.append((listener, functions))

    def all(self, kind: type[E]) -> list[E]:
        """The events of one type so far."""
        return [one.event for one in self.happened if isinstance(one.event, kind)]

    def call_log(self) -> list[dict[str, Any]]:
        """See `TalkLog`."""
        known = self.conversation.messages
        since = self.conversation.count - len(known)
        return self._log(known, since)

    def raw_call_log(self) -> list[dict[str, Any]]:
        """See `TalkLog`."""
        return self._log(self.conversation.all, 0)

    def previous_contexts(self) -> list[list[dict[str, Any]]]:
        """What the mind was made to forget, one log for each time."""
        found, since = [], 0
        for stretch in self.conversation.forgotten:
            found.append(self._entries(stretch, since))
            since += len(stretch)
        return found

    def function_called(self, entry: Mapping[str, Any]) -> None:
        """See `TalkLog`."""
        if len(self._functions) < _MOST:
            self._functions.append(dict(entry))
        for _, told in self._listeners:
            told(self._kept(dict(entry)))

    def functions(self) -> Sequence[Mapping[str, Any]]:
        """See `TalkLog`."""
        kept: list[dict[str, Any]] = self._kept(self._functions)
        return kept

    def _event(self, event: Event) -> None:
        if isinstance(event, _OTHERS):
            return
        happening = Happening(event, self.conversation.count)
        if len(self.happened) < self._most:
            self.happened.append(happening)
        for told, _ in self._listeners:
            told(happening)

    def _log(self, messages: Sequence[Message], since: int) -> list[dict[str, Any]]:
        prompt = system_prompt(self.conversation.prompt, self.span.begin)
        return [*self._kept(prompt), *self._entries(messages, since)]

    def _entries(self, messages: Sequence[Message], since: int) -> list[dict[str, Any]]:
        return entries(messages, since, self.happened, self._kept)

    def _kept(self, data: Any) -> Any:
        return data if self._call is None else self._call.kept_data(data)
