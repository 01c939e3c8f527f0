"""Reading scenario files: which there are, what is wrong in them, and their plans."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sipagent.config import Settings
from sipagent.dialplan.load import load_file
from sipagent.dialplan.model import Plan
from sipagent.errors import ConfigError, Finding
from sipagent.sources import KeyPath, Source, read

from .format import Scenario, ScenarioFile, with_defaults

_SUFFIXES = (".test.yaml", ".test.yml", ".test.json")


@dataclass(frozen=True, slots=True)
class Case:
    """One scenario, ready to be played: its file, the plan and settings it is for, and the lines
    of its steps and of what they expect.
    """

    scenario: Scenario
    file: Path
    plan: Plan
    settings: Settings
    line: int
    #: of each step
    lines: tuple[int, ...]
    #: of each expectation of each step
    expected: tuple[tuple[int, ...], ...]

    @property
    def cassette(self) -> Path | None:
        """The file of what its minds answered, if it has one."""
        name = self.scenario.mind.cassette
        return self.file.parent / name if name else None

    @property
    def name(self) -> str:
        """`reception.test.yaml::opening hours`."""
        return f"{self.file.name}::{self.scenario.name}"


def scenario_files(paths: Iterable[Path]) -> list[Path]:
    """Scenario files among files and folders; a dialplan stands for the file beside it.

    Raises ConfigError for what is not there.
    """
    found: list[Path] = []
    missing: list[Finding] = []
    for path in paths:
        if path.is_dir():
            found += sorted(p for p in path.iterdir() if p.name.endswith(_SUFFIXES))
        elif path.name.endswith(_SUFFIXES):
            found.append(path)
        else:
            found += [beside] if (beside := path.with_suffix(".test.yaml")).exists() else []
            if not beside.exists():
                hint = f"write {beside.name} beside it: docs/testing-dialplans.md"
                missing.append(Finding(str(path), 1, "", "has no scenarios", hint=hint))
    missing += [Finding(str(p), 1, "", "there is no such file") for p in found if not p.exists()]
    if missing:
        raise ConfigError(missing)
    return list(dict.fromkeys(found))


def read_cases(paths: Iterable[Path], settings: Settings) -> list[Case]:
    """Every scenario of these files. Raises ConfigError with all findings of all of them."""
    cases: list[Case] = []
    findings: list[Finding] = []
    for path in paths:
        try:
            cases += _cases(path, settings)
        except ConfigError as error:
            findings += error.findings
    if findings:
        raise ConfigError(findings)
    return cases


def _cases(path: Path, settings: Settings) -> Iterator[Case] | list[Case]:
    source = read(path)
    try:
        file = ScenarioFile.model_validate(source.data)
    except ValidationError as error:
        raise ConfigError(source.findings(error, ScenarioFile)) from error
    plan = _plan(path, file, source)
    settings = _settings(settings, file.settings, source)
    findings = list(_doubles(file, source))
    findings += _unknown_tools(file, source, plan)
    if findings:
        raise ConfigError(findings)
    return [
        Case(
            with_defaults(scenario, file.defaults),
            path,
            plan,
            settings,
            source.place(("scenarios", number))[0],
            tuple(_line(source, number, step) for step in range(len(scenario.steps))),
            tuple(_expected(source, number, step) for step in range(len(scenario.steps))),
        )
        for number, scenario in enumerate(file.scenarios)
    ]


def _plan(path: Path, file: ScenarioFile, source: Source) -> Plan:
    name = file.plan or path.name.partition(".test.")[0] + ".yaml"
    plan = path.parent / name
    if not plan.is_file():
        place: KeyPath = ("plan",) if file.plan else ()
        hint = "name it with plan:" if not file.plan else ""
        raise ConfigError([source.finding(place, f"there is no dialplan {name}", hint=hint)])
    return load_file(plan)


def _settings(settings: Settings, own: Mapping[str, Any], source: Source) -> Settings:
    if not own:
        return settings
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    try:
        return Settings(**(given | dict(own)))
    except ValidationError as error:
        raise ConfigError(source.findings(error, Settings, ("settings",))) from error


def _doubles(file: ScenarioFile, source: Source) -> Iterator[Finding]:
    """Names that come twice: reports and `-k` know scenarios by them."""
    seen: set[str] = set()
    for number, scenario in enumerate(file.scenarios):
        if scenario.name in seen:
            path = ("scenarios", number, "name")
            yield source.finding(path, f"another scenario is named {scenario.name!r}")
        seen.add(scenario.name)


def _unknown_tools(file: ScenarioFile, source: Source, plan: Plan) -> Sequence[Finding]:
    return [
        source.finding(("scenarios", number, "mind", "agents", agent), "the plan has no such agent")
        for number, scenario in enumerate(file.scenarios)
        for agent in scenario.mind.agents
        if agent not in plan.agents
    ]


def _line(source: Source, scenario: int, step: int) -> int:
    return source.place(("scenarios", scenario, "steps", step))[0]


def _expected(source: Source, scenario: int, step: int) -> tuple[int, ...]:
    path: KeyPath = ("scenarios", scenario, "steps", step)
    raw = source.data["scenarios"][scenario]["steps"][step]
    listed = raw.get("expects") if isinstance(raw, Mapping) else None
    if not isinstance(listed, list):
        return (source.place((*path, "expects"))[0],)
    return tuple(source.place((*path, "expects", n))[0] for n in range(len(listed)))
