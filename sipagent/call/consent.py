"""Consent: may this call be recorded and tapped? The caller's own word, and a no is final."""

from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from sipagent.errors import CallError
from sipagent.events import ConsentChanged, Warned

if TYPE_CHECKING:
    from .session import CallSession

#: by which way they said so; `answer` is to an agent, by voice or key
How = Literal["key", "voice", "answer", "silence", "request"]


class ConsentState(StrEnum):
    """What the caller has said."""

    NOT_ASKED = "not_asked"
    GIVEN = "given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


#: a no holds for the rest of the call
NEXT: dict[ConsentState, frozenset[ConsentState]] = {
    ConsentState.NOT_ASKED: frozenset(
        {ConsentState.GIVEN, ConsentState.REFUSED, ConsentState.WITHDRAWN}
    ),
    ConsentState.GIVEN: frozenset({ConsentState.WITHDRAWN}),
    ConsentState.REFUSED: frozenset(),
    ConsentState.WITHDRAWN: frozenset(),
}


class NoConsent(CallError):
    """It may not be recorded or tapped."""

    status = 403

    def __init__(self) -> None:
        super().__init__("the caller has not agreed to be recorded")


class Consent:
    """Asked for by `ask_consent`; looked at by whatever records or taps."""

    def __init__(self, call: "CallSession", *, required: bool) -> None:
        self.state = ConsentState.NOT_ASKED
        self._call = call
        self._required = required
        self._held: list[Callable[[], Coroutine[Any, Any, object]]] = []

    @property
    def permits(self) -> bool:
        """True where it may be recorded and tapped now. One who was asked is to have said yes."""
        if self.state is ConsentState.NOT_ASKED:
            return not self._required
        return self.state is ConsentState.GIVEN

    def check(self) -> None:
        """Raises NoConsent where it may not be."""
        if not self.permits:
            raise NoConsent

    def hold(self, start: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Start this once the caller has agreed. Raises NoConsent where they will not be asked
        again.
        """
        if self.state is not ConsentState.NOT_ASKED:
            raise NoConsent
        self._held.append(start)

    def say(self, state: ConsentState, how: How, question: str = "") -> None:
        """What the caller said; what was held back begins, or what runs ends. Nothing where that
        is settled otherwise.
        """
        if state not in NEXT[self.state]:
            return
        self.state = state
        self._call.emit(ConsentChanged, consent=state.value, how=how, question=question)
        held, self._held = self._held, []
        if state is ConsentState.GIVEN:
            for start in held:
                self._call.spawn(self._begin(start))
        else:
            self._call.recordings.stop_all()
            self._call.overhearing.stop_all()
            self._call.spawn(self._call.taps.stop_all("the caller does not agree"))

    async def _begin(self, start: Callable[[], Coroutine[Any, Any, object]]) -> None:
        try:
            await start()
        except CallError as error:
            self._call.emit(Warned, code="not_recorded", detail=str(error))
