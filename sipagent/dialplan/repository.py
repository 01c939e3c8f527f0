"""Plans: the dialplans in force. A plan that fails the check is not loaded; the old one stays."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sipagent.errors import ConfigError, Finding
from sipagent.sources import Source, read

from .lint import House, check
from .model import Plan
from .routes import Asked, Route, Score, match

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
_NO_ROUTES = Route()


@dataclass(frozen=True, slots=True)
class Candidate:
    """One plan and whether it takes a call: `score` is None where it does not."""

    plan: Plan
    score: Score | None
    why: str


class Plans:
    """The plans of some files and folders. `house` is asked for anew at every load."""

    def __init__(self, paths: Sequence[Path], house: Callable[[], House]) -> None:
        self._paths = paths
        self._house = house
        self._plans: dict[Path, Plan] = {}
        #: of the last reload
        self.findings: tuple[Finding, ...] = ()

    @property
    def plans(self) -> tuple[Plan, ...]:
        """Those in force, in the order of their files."""
        return tuple(self._plans.values())

    def look_in(self, paths: Sequence[Path], house: Callable[[], House]) -> None:
        """Read these at the next `reload`, for another house."""
        self._paths, self._house = paths, house

    def reload(self) -> list[Finding]:
        """Read every file again; returns all findings.

        A file with an error leaves its plan as it was; a file that is gone takes its plan along.
        """
        house = self._house()
        findings = _missing(self._paths)
        loaded: dict[Path, Plan] = {}
        sources: dict[Path, Source] = {}
        for path in plan_files(self._paths):
            try:
                sources[path] = read(path)
            except ConfigError as error:
                plan, found = None, list(error.findings)
            else:
                plan, found = check(sources[path], house)
                found += _taken(plan, loaded, sources[path]) if plan else []
                plan = None if any(f.severity == "error" for f in found) else plan
            findings += found
            if kept := plan or self._plans.get(path):
                loaded[path] = kept
        self._plans = loaded
        self.findings = tuple(findings)
        return findings

    def check(self, source: Source) -> tuple[Plan | None, list[Finding]]:
        """A document against the same house, without loading it. Raises ConfigError for broken
        tools.
        """
        return check(source, self._house())

    def choose(
        self,
        to: str,
        caller: str,
        headers: Mapping[str, str],
        now: datetime,
        trunk: str | None = None,
    ) -> tuple[Plan, str] | None:
        """The plan for a call and why, or None: nobody is at that number (404)."""
        candidates = self.explain(to, caller, headers, now, trunk)
        if not candidates or candidates[0].score is None:
            return None
        return candidates[0].plan, candidates[0].why

    def explain(
        self,
        to: str,
        caller: str,
        headers: Mapping[str, str],
        now: datetime,
        trunk: str | None = None,
    ) -> list[Candidate]:
        """Every plan in force with how it does for a call, the one that takes it first.

        A plan without routes takes what no route of another takes.
        """
        asked = Asked(to, caller, now, headers, trunk)
        found = [_candidate(plan, asked) for plan in self.plans]
        return sorted(found, key=lambda c: (c.score is not None, c.score or Score()), reverse=True)


def plan_files(paths: Sequence[Path]) -> list[Path]:
    """The files of plans among files and folders; what is not there is left out, and so are
    scenarios.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(p for p in path.iterdir() if p.suffix in SUFFIXES and not _is_test(p))
        elif path.exists():
            files.append(path)
    return files


def _is_test(path: Path) -> bool:
    """`menu.test.yaml` holds scenarios for `menu.yaml`."""
    return path.stem.endswith(".test")


def _missing(paths: Sequence[Path]) -> list[Finding]:
    hint = "make it, or set dialplans: in sipagent.yaml"
    message = "there is no such file or folder"
    return [Finding(str(p), 1, "", message, hint=hint) for p in paths if not p.exists()]


def _candidate(plan: Plan, asked: Asked) -> Candidate:
    if not plan.routes:
        return Candidate(plan, Score(), "it has no routes: it takes what no other plan takes")
    matches = [match(route, asked) for route in plan.routes]
    best = max(matches, key=lambda m: (m.score is not None, m.score or Score()))
    if best.score is None:
        return Candidate(plan, None, "; ".join(m.why for m in matches))
    return Candidate(plan, best.score, best.why)


def _taken(plan: Plan, loaded: Mapping[Path, Plan], source: Source) -> list[Finding]:
    """Names and routes that a plan read before has already."""
    findings = []
    for other in loaded.values():
        if plan.name == other.name:
            message = f"{other.file} is named {plan.name} too"
            findings.append(source.finding(("name",), message, hint="give it a name: of its own"))
        shared = [r for r in plan.routes or [_NO_ROUTES] if r in (other.routes or [_NO_ROUTES])]
        for route in shared:
            path = ("routes", plan.routes.index(route)) if plan.routes else ()
            what = "this route" if plan.routes else "a plan without routes"
            findings.append(source.finding(path, f"{what} is in {other.file} already"))
    return findings
