"""What a soak found, in words and in one line of memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sipagent.testing.sipp import SippResult

from .weighing import Weight

_MIB = 1 << 20
_BARS = "▁▂▃▄▅▆▇█"
#: of each kind, so many calls that failed are told why
_COMPLAINTS = 5
#: memory may grow so much from the first fifth of a soak to its end
_GATEWAY_MAY_GROW = 16 * _MIB
_ZYGOTE_MAY_GROW = 4 * _MIB
#: of the database and the test around us; one for each call would be a hundred times as many
_DESCRIPTORS_MAY_COME = 4


@dataclass
class Report:
    """Counts are of calls, memory is in bytes. `before` and `after` are weighed when idle."""

    calls: int
    rate: float
    seconds: float = 0.0
    results: dict[str, SippResult] = field(default_factory=dict)
    weights: Sequence[Weight] = ()
    before: Weight | None = None
    after: Weight | None = None
    #: what should be gone and is not: dialogs, transactions, legs, workers
    left: Mapping[str, int] = field(default_factory=dict)
    exceptions: int = 0
    #: calls whose worker crashed, and workers that were given up before they had one
    crashed: int = 0
    never_ready: int = 0
    unwritten: int = 0

    @property
    def refused(self) -> int:
        """Calls that got 503: no room, and told so."""
        return sum(result.counters.get("refused", 0) for result in self.results.values())

    @property
    def failed(self) -> int:
        """Calls that went as no scenario says."""
        return sum(result.failed for result in self.results.values())

    @property
    def served(self) -> int:
        """Calls that went as they should, refusals left out."""
        return sum(result.successful for result in self.results.values()) - self.refused

    @property
    def growth(self) -> tuple[int, int]:
        """Of gateway and zygote, from the first fifth of the soak to its idle end."""
        if self.after is None or not self.weights:
            return 0, 0
        early = self.weights[len(self.weights) // 5]
        return self.after.gateway - early.gateway, self.after.zygote - early.zygote

    @property
    def faults(self) -> list[str]:
        """What should not be, in words."""
        gateway, zygote = self.growth
        assert self.before is not None and self.after is not None
        # an idle worker costs one: its channel
        more = self.after.descriptors - self.after.idle
        more -= self.before.descriptors - self.before.idle
        found = {
            f"{self.failed} calls failed": self.failed,
            f"{self.calls - self.served - self.refused - self.failed} calls not accounted for": (
                self.calls - self.served - self.refused - self.failed
            ),
            **{f"{count} {what} left": count for what, count in self.left.items()},
            f"{self.exceptions} exceptions at the edge": self.exceptions,
            f"{self.crashed} calls lost with their worker": self.crashed,
            f"{self.unwritten} calls without a record": self.unwritten,
            f"{more} descriptors left open": more > _DESCRIPTORS_MAY_COME,
            f"the gateway grew by {gateway / _MIB:.1f} MiB": gateway > _GATEWAY_MAY_GROW,
            f"the zygote grew by {zygote / _MIB:.1f} MiB": zygote > _ZYGOTE_MAY_GROW,
        }
        return [words for words, wrong in found.items() if wrong]

    def __str__(self) -> str:
        rate = self.calls / self.seconds if self.seconds else 0.0
        lines = [
            f"{self.calls} calls asked for at {self.rate:g}/s, placed at {rate:.1f}/s:"
            f" {self.served} served, {self.refused} refused with 503, {self.failed} failed"
        ]
        for name, result in self.results.items():
            refused = result.counters.get("refused", 0)
            served = result.successful - refused
            lines.append(
                f"  {name:13} {served:6} served {refused:6} refused {result.failed:4} failed"
            )
            lines += [f"    {' '.join(why.split())}" for why in result.complaints[:_COMPLAINTS]]
        lines += [self._memory("gateway"), self._memory("zygote")]
        if self.weights:
            most = max(weight.workers for weight in self.weights)
            live = max(weight.live for weight in self.weights)
            lines.append(
                f"at most {live} calls and {most} workers at once,"
                f" {self.never_ready} workers too slow to become ready"
            )
        if self.before is not None and self.after is not None:
            lines.append(f"idle workers {self.before.idle} -> {self.after.idle}")
        lines.append("left: " + ", ".join(f"{n} {what}" for what, n in self.left.items()))
        lines.append("FAULTS: " + "; ".join(self.faults) if self.faults else "no faults")
        return "\n".join(lines)

    def _memory(self, what: str) -> str:
        sizes = [getattr(weight, what) for weight in self.weights]
        if not sizes or self.before is None or self.after is None:
            return f"{what}: not weighed"
        before, after = getattr(self.before, what) / _MIB, getattr(self.after, what) / _MIB
        step = max(1, len(sizes) // 60)
        curve = sizes[::step]
        low, high = min(curve), max(curve)
        bars = "".join(_BARS[(s - low) * (len(_BARS) - 1) // max(1, high - low)] for s in curve)
        return (
            f"{what:8} {before:.1f} MiB before, {max(sizes) / _MIB:.1f} at most,"
            f" {after:.1f} after  {bars}"
        )
