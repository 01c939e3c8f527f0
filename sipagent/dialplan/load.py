"""Documents, ours or plain SWML, YAML or JSON, as plans; or every mistake with its place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sipagent.agent.spec import AgentSpec
from sipagent.call.policy import Policy
from sipagent.call.privacy import NOTHING, Privacy
from sipagent.call.step import Step
from sipagent.errors import ConfigError, Finding
from sipagent.sources import KeyPath, Source, nearest, read
from sipagent.verbs.asking import SwmlVerb

from .expressions import has_template
from .model import Plan, Shared
from .routes import Route
from .steps import PlacedStep, StepReader, arguments_of

M = TypeVar("M", bound=BaseModel)
#: what a document of SWML is made of
SWML_KEYS = ("version", "sections")
KEYS = (
    "version", "name", "description", "routes", "agents", "mcp_servers", "policy", "privacy",
    "swml", "sections",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading a document came to. `plan` is None where there are errors."""

    source: Source
    plan: Plan | None
    steps: tuple[PlacedStep, ...]
    findings: tuple[Finding, ...]


def load(source: Source, name: str | None = None) -> Plan:
    """A plan from a document. Raises ConfigError with every finding."""
    reading = examine(source, name)
    if reading.plan is None:
        raise ConfigError(reading.findings)
    return reading.plan


def load_file(path: Path) -> Plan:
    """A plan from a file. Raises ConfigError."""
    return load(read(path))


def plan_of(document: Mapping[str, Any], name: str, file: str = "") -> Plan:
    """A plan from plain data, as it travels between processes; lines are lost.

    Raises ConfigError.
    """
    source = Source(file or name, dict(document), None)
    reading = examine(source, name, placed=False)
    if reading.plan is None:
        raise ConfigError(reading.findings)
    return reading.plan


def examine(
    source: Source, name: str | None = None, *, placed: bool = True, foreign: bool = False
) -> Reading:
    """Read a document to the end, whatever is wrong in it. A `foreign` one is read as SWML is,
    whatever it looks like.
    """
    reader = _Reader(source, StepReader(source, placed, foreign or is_swml(source.data)))
    plan = reader.plan(name)
    steps = reader.steps
    findings = (*reader.findings, *steps.findings, *steps.late, *steps.remarks)
    broken = any(finding.severity == "error" for finding in findings)
    return Reading(source, None if broken else plan, tuple(reader.steps.steps), findings)


def is_swml(data: Any) -> bool:
    """True for plain SWML: it says its version, and nothing that only plans of ours say. Such a
    document is read as its vendor reads it: what nobody knows is ignored, with a warning.
    """
    ours = set(KEYS) - set(SWML_KEYS)
    return isinstance(data, Mapping) and "version" in data and not ours & data.keys()


@dataclass
class _Reader:
    source: Source
    steps: StepReader
    findings: list[Finding] = field(default_factory=list)

    def plan(self, name: str | None) -> Plan | None:
        data = self.source.data
        if not isinstance(data, Mapping):
            self._wrong((), "expected a mapping with sections")
            return None
        for key in data:
            if key not in KEYS and self.steps.tolerant:
                found = self.source.finding((key,), "unknown key, ignored", severity="warning")
                self.findings.append(found)
            elif key not in KEYS:
                hint = nearest(str(key), KEYS) or f"the keys: {', '.join(KEYS)}"
                self._wrong((key,), "unknown key", hint)
        stem = self.source.file.rpartition("/")[2].partition(".")[0]
        return Plan(
            name=name or str(data.get("name") or stem),
            file=self.source.file,
            routes=self._routes(data.get("routes", [])),
            agents=self._agents(data.get("agents", {}), data),
            policy=self._model(Policy, data.get("policy") or {}, ("policy",)) or Policy(),
            privacy=self._model(Privacy, data.get("privacy") or {}, ("privacy",)) or NOTHING,
            program=self._program(data),
            document=data,
        )

    def _routes(self, raw: Any) -> tuple[Route, ...]:
        if not isinstance(raw, list):
            self._wrong(("routes",), "expected a list of routes")
            return ()
        read = (self._model(Route, item, ("routes", i)) for i, item in enumerate(raw))
        return tuple(route for route in read if route is not None)

    def _agents(self, raw: Any, data: Mapping[str, Any]) -> dict[str, AgentSpec]:
        if not isinstance(raw, Mapping):
            self._wrong(("agents",), "expected a mapping of agents by name")
            return {}
        read = {n: self._model(AgentSpec, spec or {}, ("agents", n)) for n, spec in raw.items()}
        agents = {name: spec for name, spec in read.items() if spec is not None}
        shared = self._model(Shared, {k: data[k] for k in Shared.model_fields if k in data}, ())
        return {n: spec if shared is None else shared.given(spec) for n, spec in agents.items()}

    def _program(self, data: Mapping[str, Any]) -> dict[str, tuple[Step, ...]]:
        """The sections; `swml:` stands for a `main` of its own."""
        if "swml" not in data:
            return self._sections(data.get("sections"))
        others = self._sections(data.get("sections") or {}, whole=False)
        if "main" in others:
            message = "swml stands for main: its document takes the call"
            self._wrong(("sections", "main"), message, "give this section another name")
        return {"main": self._document(data["swml"]), **others}

    def _document(self, raw: Any) -> tuple[Step, ...]:
        arguments = arguments_of(SwmlVerb, raw)
        if not arguments:
            self._wrong(("swml",), "expected a URL, or url with more keys")
            return ()
        verb = self._model(SwmlVerb, arguments, ("swml",))
        if verb is None:
            return ()
        line = self.source.place(("swml",))[0] if self.steps.placed else 0
        return (Step(SwmlVerb, arguments, None if has_template(arguments) else verb, line),)

    def _sections(self, raw: Any, whole: bool = True) -> dict[str, tuple[Step, ...]]:
        if not isinstance(raw, Mapping):
            self._wrong(("sections",), "sections are required: a mapping with main")
            return {}
        if whole and "main" not in raw:
            self._wrong(("sections",), "there must be a section named main")
        return {
            name: self.steps.block(block, ("sections", name), name) for name, block in raw.items()
        }

    def _model(self, model: type[M], raw: Any, path: KeyPath) -> M | None:
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            self.findings += self.source.findings(error, model, path)
            return None

    def _wrong(self, path: KeyPath, message: str, hint: str = "") -> None:
        self.findings.append(self.source.finding(path, message, hint=hint))
