"""Toll: what calling out may cost, whoever asks: destination classes, nights, daily sums."""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from .classes import NumberClass, class_of
from .numbers import NumberPlan
from .policy import Decision, Hours, Policy
from .target import PHONES, normalise
from .verb import Verb

_DIALLED = re.compile(r"\+?[0-9]{1,40}")
_PUBLIC = re.compile(r"\+[0-9]{1,40}")
_ABROAD = re.compile(r"\+|00|011")
_SEPARATORS = re.compile(r"[().\s/-]")
#: *67, *31*: what a carrier is to do with the number behind it
_SERVICE = re.compile(r"(?:[*#]+[0-9]{1,3}[*#]?)+(?=[+0-9])")
_CLASSES = frozenset(c.value for c in NumberClass)
_ALLOWED = re.compile(r"\+[0-9]+")


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _named(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if value not in _CLASSES and not _ALLOWED.fullmatch(value):
            raise ValueError(f"{value!r} is neither a class ({', '.join(sorted(_CLASSES))}) nor +")
    return values


class Toll(BaseModel):
    """Guards against toll fraud, for calls to telephone numbers. They bound every plan, agent,
    API client and transfer alike; `policy` still has to allow a destination as well.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    home: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        default=(),
        description="country codes that are not abroad; default: those of the trunks' `numbers`. "
        "Where none is known nothing is international",
    )
    allow: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        default=("national",),
        description="classes (national, international, satellite, premium) and prefixes (+49)",
    )
    deny: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        default=(), description="prefixes (+4487) that no class allows"
    )
    night: Hours | None = Field(default=None, description="when only `night_allow` may be called")
    night_allow: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        default=(), description="as `allow`"
    )
    caller_calls: int | None = Field(default=None, ge=0, description="a day, by one caller")
    caller_minutes: int | None = Field(default=None, ge=0, description="a day, by one caller")
    trunk_calls: int | None = Field(default=None, ge=0, description="a day, by one trunk")
    trunk_minutes: int | None = Field(default=None, ge=0, description="a day, by one trunk")
    concurrent: int | None = Field(default=None, ge=0, description="calls by trunks at once")
    caller_concurrent: int | None = Field(
        default=None, ge=0, description="of these, for one caller"
    )

    def model_post_init(self, context: object) -> None:
        """Words nobody knows are mistakes."""
        _named(self.allow)
        _named(self.night_allow)


class TollPolicy(Policy):
    """The rules of `toll` that need no sums, as a policy beside the others. `hosts` are the
    trunks', where every user part is a number; elsewhere it is one when written as from abroad.
    """

    #: who may refer at all is for the other policies to say
    referrals: frozenset[Literal["caller", "callee"]] = frozenset({"caller", "callee"})
    toll: Toll
    plans: tuple[NumberPlan, ...] = ()
    hosts: frozenset[str] = frozenset()

    def decide(
        self,
        verb: Verb,
        by: str,
        *,
        done: Mapping[str, int],
        now: datetime,
        extensions: Collection[str] = (),
    ) -> Decision:
        """Every target must be one that may be called now."""
        for target in verb.targets:
            why = self.why_not(target, now, extensions)
            if why is not None:
                return Decision(False, why)
        return Decision(True, "permitted")

    def reaches(self, target: str, extensions: Collection[str] = ()) -> bool:
        """True where it may be called at one time of the day or another."""
        return self.why_not(target, None, extensions) is None

    def why_not(
        self, target: str, now: datetime | None, extensions: Collection[str] = ()
    ) -> str | None:
        """Why a destination may not be called; None when it may. Raises BadTarget."""
        known = normalise(target, extensions)
        for number in self._numbers(known):
            why = self._denied(number, now)
            if why is not None:
                return f"{known} may not be called: {why}"
        return None

    def _denied(self, number: str, now: datetime | None) -> str | None:
        rules, kind = self.toll, class_of(number, self._homes)
        if any(number.startswith(prefix) for prefix in rules.deny):
            return "its prefix is denied"
        if not _listed_in(rules.allow, number, kind):
            return f"{kind} numbers are not allowed"
        at_night = rules.night is not None and now is not None and rules.night.covers(now)
        if at_night and not _listed_in(rules.night_allow, number, kind):
            return "not at this time of the day"
        return None

    @property
    def _homes(self) -> tuple[str, ...]:
        return self.toll.home or tuple(plan.country for plan in self.plans if plan.country)

    def _numbers(self, known: str) -> tuple[str, ...]:
        """Every public number a normalised target may come to, by the trunk that takes it."""
        scheme, _, rest = known.partition(":")
        if scheme == "tel":
            dialled = rest
        else:
            user, _, host = rest.rpartition("@")
            dialled = _SERVICE.sub("", _SEPARATORS.sub("", user))
            name = host if host.startswith("[") else host.partition(":")[0]
            if host == PHONES or not _DIALLED.fullmatch(dialled):
                return ()
            if name not in self.hosts and not _ABROAD.match(dialled):
                return ()
        readings = {plan.e164(dialled) for plan in self.plans}
        # whoever reads it without a plan dials it as it is
        readings.add(dialled if dialled.startswith("+") else _from_abroad(dialled))
        return tuple(sorted(n for n in readings if _PUBLIC.fullmatch(n)))


def _from_abroad(dialled: str) -> str:
    for prefix in ("00", "011"):
        if dialled.startswith(prefix) and len(dialled) > len(prefix) + 6:
            return "+" + dialled.removeprefix(prefix)
    return dialled


def _listed_in(allowed: tuple[str, ...], number: str, kind: NumberClass) -> bool:
    return kind in allowed or any(a.startswith("+") and number.startswith(a) for a in allowed)
