"""Policy: what one principal may do to a call. Deny by default; pure, time is passed in."""

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time
from fnmatch import fnmatchcase
from ipaddress import IPv6Address
from math import inf
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from .tap_uri import tap_matches
from .target import normalise
from .verb import Verb

#: the key of `limits` that bounds how long a call may be bridged to others in all, in minutes
OUTBOUND_MINUTES = "outbound_minutes"
#: what a call counts of it
OUTBOUND_SECONDS = "outbound_seconds"
#: whoever acts because a model wanted something: itself, and the functions it calls
_ON_A_MODELS_WORD = frozenset({"model", "function"})
_SCHEME = re.compile(r"[a-z*?]+:")
_ADDRESS = re.compile(r"\[([0-9A-Fa-f.*?]*:[0-9A-Fa-f:.*?]*)\]")


@dataclass(frozen=True, slots=True)
class Decision:
    """Allowed or not, and why. `confirm` asks for the caller's own yes before it counts."""

    allowed: bool
    reason: str
    confirm: bool = False


class Hours(BaseModel):
    """A daily window in the plan's time zone; `start` later than `end` spans midnight."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    start: time
    end: time
    days: frozenset[int] = Field(
        default=frozenset(range(7)), description="ISO weekdays less one: Monday is 0"
    )

    def covers(self, moment: datetime) -> bool:
        """True when `moment` (already in the right zone) falls inside."""
        clock = moment.time()
        if self.start <= self.end:
            inside = self.start <= clock < self.end
        else:
            inside = clock >= self.start or clock < self.end
        return inside and moment.weekday() in self.days


class Policy(BaseModel):
    """The `policy:` of a dialplan or of sipagent.yaml. What is not listed is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    destinations: tuple[str, ...] = Field(
        default=(),
        description="patterns on the normalised target: sip:*@pbx.example, +44*, sip:*@phones, "
        "web:alice, queue:support, conference:*, park:*",
    )
    taps: tuple[str, ...] = Field(
        default=(),
        description="where a call's audio may be sent: rtp://10.0.0.5:*, wss://*.example/calls/*",
    )
    limits: Mapping[str, int] = Field(
        default_factory=dict, description="how often a verb may run in one call"
    )
    confirm: frozenset[str] = Field(
        default=frozenset(),
        description="verbs that need the caller's own yes when a model asks, or its function",
    )
    hours: Mapping[str, Hours] = Field(
        default_factory=dict, description="when a verb may run; absent means always"
    )
    referrals: frozenset[Literal["caller", "callee"]] = Field(
        default=frozenset(),
        description="parties that may hand their own place in the call to another (REFER to "
        "`destinations`, Replaces)",
    )

    def decide(
        self,
        verb: Verb,
        by: str,
        *,
        done: Mapping[str, int],
        now: datetime,
        extensions: Collection[str] = (),
    ) -> Decision:
        """Judge one verb of one principal. `done` counts what this call did so far; `extensions`
        are the numbers that are phones of our own.
        """
        if (limit := self.limits.get(verb.name)) is not None and done.get(verb.name, 0) >= limit:
            return Decision(False, f"{verb.name} was already used {limit} times in this call")
        window = self.hours.get(verb.name)
        if window is not None and not window.covers(now):
            return Decision(
                False, f"{verb.name} is possible from {window.start:%H:%M} to {window.end:%H:%M}"
            )
        if verb.targets and self.outbound_seconds_left(done) <= 0:
            minutes = self.limits[OUTBOUND_MINUTES]
            return Decision(False, f"the {minutes} outbound minutes of this call are used up")
        for target in verb.targets:
            if not self.reaches(target, extensions):
                return Decision(False, f"{target} is not an allowed destination")
        for uri in verb.taps:
            if not self.may_tap(uri):
                return Decision(False, f"{uri} is not an allowed tap")
        asks = by.partition(":")[0] in _ON_A_MODELS_WORD and verb.name in self.confirm
        return Decision(True, "the caller must agree" if asks else "permitted", confirm=asks)

    def outbound_seconds_left(self, done: Mapping[str, int]) -> float:
        """How long this call may still be bridged to others, in all."""
        minutes = self.limits.get(OUTBOUND_MINUTES)
        return inf if minutes is None else 60 * minutes - done.get(OUTBOUND_SECONDS, 0)

    def reaches(self, target: str, extensions: Collection[str] = ()) -> bool:
        """True when the normalised target matches an allowed pattern."""
        known = normalise(target, extensions)
        return any(_matches(known, pattern) for pattern in self.destinations)

    def may_tap(self, uri: str) -> bool:
        """True when a call's audio may be sent there."""
        return any(tap_matches(uri, pattern) for pattern in self.taps)


def _matches(target: str, pattern: str) -> bool:
    if pattern == "*":
        return True
    if pattern.startswith("+"):
        # a number pattern speaks of tel: targets, however they were written
        return target.startswith("tel:") and fnmatchcase(target[4:], pattern)
    whole = pattern if _SCHEME.match(pattern) else f"sip:{pattern}"
    return fnmatchcase(target, _ADDRESS.sub(_literal, whole))


def _literal(address: re.Match[str]) -> str:
    """The brackets of an IPv6 address are its own, not fnmatch's; it is in its shortest form
    where nothing in it is left open.
    """
    inside = address[1].lower()
    with suppress(ValueError):
        inside = str(IPv6Address(inside))
    return f"[[]{inside}]"


def strictest(policies: Sequence[Policy], verb: Verb, by: str, **facts: object) -> Decision:
    """All of the policies must allow; any of them may ask for the caller's yes."""
    confirm = False
    for policy in policies:
        decision = policy.decide(verb, by, **facts)  # type: ignore[arg-type]
        if not decision.allowed:
            return decision
        confirm = confirm or decision.confirm
    return Decision(True, "the caller must agree" if confirm else "permitted", confirm)
