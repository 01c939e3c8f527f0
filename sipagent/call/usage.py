"""Usage: what a call has used of its providers, as it goes on and as it is kept."""

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from sipagent.events import Event, ModelUsed, SpeechUsed


@dataclass(slots=True)
class Spending:
    """Sums over a call so far, all of its agents together; what limits are held against."""

    turns: int = 0
    tokens: int = 0
    cost: float = 0.0


class Usage(BaseModel):
    """One provider's share of a call. `cost` is in the currency of the configured prices, None
    where there are none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    provider: str
    role: str
    model: str = ""
    replies: int = 0
    input: int = 0
    cached: int = 0
    output: int = 0
    seconds: float = 0.0
    characters: int = 0
    cost: float | None = None

    def __add__(self, other: "Usage") -> "Usage":
        """Both together, under the first one's names."""
        costs = [cost for cost in (self.cost, other.cost) if cost is not None]
        return self.model_copy(
            update={
                "replies": self.replies + other.replies,
                "input": self.input + other.input,
                "cached": self.cached + other.cached,
                "output": self.output + other.output,
                "seconds": round(self.seconds + other.seconds, 3),
                "characters": self.characters + other.characters,
                "cost": sum(costs) if costs else None,
            }
        )


def usage_of(events: Iterable[Event]) -> tuple[Usage, ...]:
    """The shares of the providers, in the order they were first used."""
    found: dict[tuple[str, str, str], Usage] = {}
    for event in events:
        share = _share(event)
        if share is not None:
            key = (share.role, share.provider, share.model)
            found[key] = found[key] + share if key in found else share
    return tuple(found.values())


def _share(event: Event) -> Usage | None:
    match event:
        case ModelUsed():
            return Usage(
                provider=event.provider,
                role="mind",
                model=event.model,
                replies=1,
                input=event.input,
                cached=event.cached,
                output=event.output,
                cost=event.cost,
            )
        case SpeechUsed():
            return Usage(
                provider=event.provider,
                role=event.role,
                seconds=event.seconds,
                characters=event.characters,
                cost=event.cost,
            )
    return None
