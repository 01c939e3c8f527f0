"""LiveHints: words the ears should know that functions brought while the agent talks."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from pydantic import ValidationError

from sipagent.call.live_agent import Hint
from sipagent.errors import CallError

from ..protocols import Expectation
from ..rewording import Rewording, rewording

#: of one talk
_MOST = 500


class LiveHints:
    """One a talk; empty at first."""

    def __init__(self) -> None:
        self._phrases: tuple[str, ...] = ()
        self._rules: tuple[Rewording, ...] = ()
        self.reworded: Callable[[str], str] = rewording(())

    def add(self, hints: Sequence[Hint]) -> None:
        """All of them, or none. Raises CallError for a pattern that is none."""
        rules = []
        for hint in hints:
            if hint.pattern:
                try:
                    case = hint.ignore_case
                    rule = Rewording(pattern=hint.pattern, replace=hint.replace, ignore_case=case)
                except ValidationError as error:
                    raise CallError(f"{hint.pattern[:50]!r} is no pattern") from error
                rules.append(rule)
        words = [word for hint in hints if (word := hint.phrase or hint.replace)]
        self._phrases = tuple(dict.fromkeys([*self._phrases, *words]))[:_MOST]
        self._rules = (*self._rules, *rules)[:_MOST]
        self.reworded = rewording(self._rules)

    def clear(self) -> None:
        """Drop them all."""
        self._phrases, self._rules, self.reworded = (), (), rewording(())

    def expected(self, own: Expectation) -> Expectation:
        """What the caller may say, and what functions say they may."""
        if not self._phrases:
            return own
        return replace(own, phrases=(*own.phrases, *self._phrases))
