"""Accounts: what the providers of one talk failed at and what was used of them, put on record."""

from dataclasses import dataclass

from sipagent.call.session import CallSession
from sipagent.events import ModelUsed, ProviderFailed, SpeechUsed

from .failover import Failed, Role
from .limits import Failures
from .prices import Prices
from .protocols import Used


@dataclass(slots=True)
class _Speech:
    prices: Prices
    seconds: float = 0.0
    characters: int = 0

    @property
    def cost(self) -> float | None:
        return self.prices.of_speech(self.seconds, self.characters)


class Accounts:
    """A Record. Replies are on record at once, speech once at the end, by `close`."""

    def __init__(self, call: CallSession, failures: Failures) -> None:
        self._call = call
        self._failures = failures
        self._speech: dict[tuple[Role, str], _Speech] = {}

    def failed(self, failed: Failed) -> None:
        """See `Record`."""
        self._call.emit(
            ProviderFailed,
            provider=failed.error.provider,
            role=failed.role,
            cause=failed.error.cause,
            then=failed.then or self._failures.then,
            next=failed.next,
        )

    def replied(self, provider: str, prices: Prices, used: Used, ms: int) -> None:
        """See `Record`."""
        cost = prices.of_reply(used)
        self._call.spending.tokens += used.input + used.output
        self._call.spending.cost += cost or 0.0
        self._call.emit(
            ModelUsed,
            provider=provider,
            model=used.model,
            input=used.input,
            output=used.output,
            cached=used.cached,
            audio_input=used.audio_input,
            audio_output=used.audio_output,
            estimated=used.estimated,
            ms=ms,
            first_ms=used.first_ms,
            finish=used.finish,
            cost=cost,
        )

    def speech(
        self, role: Role, provider: str, prices: Prices, seconds: float, characters: int
    ) -> None:
        """See `Record`."""
        if not seconds and not characters:
            return
        share = self._speech.setdefault((role, provider), _Speech(prices))
        share.seconds += seconds
        share.characters += characters
        self._call.spending.cost += prices.of_speech(seconds, characters) or 0.0

    def close(self) -> None:
        """The talk is over: put the speech on record."""
        for (role, provider), share in self._speech.items():
            self._call.emit(
                SpeechUsed,
                provider=provider,
                role=role,
                seconds=round(share.seconds, 2),
                characters=share.characters,
                cost=share.cost,
            )
        self._speech.clear()
