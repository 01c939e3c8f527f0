"""Making: the spans of one call, with ids and times of their own, and those that are over."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from sipagent.call.tracing import span_id_of

from .span import Kind, Span, Value

_MS = 1_000_000


@dataclass(slots=True)
class Making:
    """`zero` is when the call's media clock began, in nanoseconds since 1970; with `content`,
    spans tell what people said and who they are. `vendors` are providers by their names in the
    settings, as the conventions call them.
    """

    call_id: str
    zero: int
    content: bool
    vendors: Mapping[str, str]
    done: list[Span] = field(default_factory=list)
    _made: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def at(self, t: int) -> int:
        """A moment of the media clock, ms, as nanoseconds since 1970."""
        return self.zero + t * _MS

    def span(
        self, name: str, ids: tuple[str, ...], parent: Span | str | None, t: int, kind: Kind
    ) -> Span:
        """One that begins at `t`, ms on the media clock. Ids that were used are made others."""
        again = self._made[ids]
        self._made[ids] += 1
        own = ids if not again else (*ids, str(again))
        span_id = span_id_of(self.call_id, *own)
        return Span(name, span_id, parent, self.at(t), self.at(t), kind)

    def finish(self, span: Span, t: int | None = None) -> None:
        """It is over, at `t` or with the last of what it covers."""
        end = span.end if t is None else max(span.start, self.at(t))
        span.covers(span.start, end)
        self.done.append(span)

    def finished(self) -> list[Span]:
        """Those that are over since it was last asked."""
        done, self.done = self.done, []
        return done

    def personal(self, attributes: Mapping[str, Value | None]) -> Mapping[str, Value | None]:
        """What is told only with `content`."""
        return attributes if self.content else {}
