"""Search: how many conversations next. Doubling until a step breaks, then halving the gap."""

from dataclasses import dataclass, replace

#: the gap between what held and what broke that ends a search, as a part of what held
_CLOSE = 0.06


@dataclass(frozen=True, slots=True)
class Search:
    """Where a search stands: what held at most, the least that broke, and how often that number
    has been tried. `most` bounds it.
    """

    next: int
    most: int
    held: int = 0
    broke: int | None = None
    tries: int = 0
    #: a number that breaks by little is tried so often in all: a machine of several owners stalls
    #: now and then
    chances: int = 2

    @property
    def over(self) -> bool:
        """There is nothing to try any more."""
        if self.held >= self.most:
            return True
        if self.broke is None:
            return False
        return self.broke - self.held <= max(1, round(_CLOSE * self.held))

    def after(self, *, holds: bool, by_far: bool = False) -> "Search":
        """The search after a step with `next` conversations."""
        if holds:
            return replace(self, held=self.next, tries=0)._onwards()
        if not by_far and self.tries + 1 < self.chances:
            return replace(self, tries=self.tries + 1)
        return replace(self, broke=self.next, tries=0)._onwards()

    def _onwards(self) -> "Search":
        if self.broke is None:
            return replace(self, next=min(self.most, 2 * self.held))
        return replace(self, next=self.held + max(1, (self.broke - self.held) // 2))
