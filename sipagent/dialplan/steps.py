"""Steps of a document as typed steps, nested ones included, each with its place."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from sipagent.call.step import Step
from sipagent.call.verb import Verb
from sipagent.errors import Finding
from sipagent.sources import KeyPath, Source, nearest
from sipagent.verbs import VERBS
from sipagent.verbs.blocks import Nesting
from sipagent.verbs.missing import MissingVerb

from .expressions import has_template
from .trimming import trimmed

#: verbs of SWML and its SDKs that this server does not have, and what to write instead
UNSUPPORTED = {
    "eval": 'set takes expressions: set: {x: "${...}"}',
    "if": "branch with cond, or with switch",
}


#: findings about one tolerated document, of each kind, and how many of them get a hint
_MOST_SAID, _MOST_HINTS = 200, 50


@dataclass(frozen=True, slots=True)
class PlacedStep:
    """A step of a document: where it stands, in which block, and its arguments as written."""

    section: str
    block: KeyPath
    index: int
    verb: type[Verb]
    arguments: Mapping[str, Any]
    step: Step
    #: True where one value stands for a key
    short: bool = False

    @property
    def path(self) -> KeyPath:
        """The place of `verb:` in the document."""
        return (*self.block, self.index, self.verb.name)

    def at(self, *keys: str | int) -> KeyPath:
        """The place of an argument, or of something in it."""
        short = self.short and keys[:1] in ((self.verb.shorthand,), (self.verb.whole,))
        return (*self.path, *(keys[1:] if short else keys))


@dataclass
class StepReader:
    """Reads blocks of one document; keeps every step and every finding.

    A `tolerant` one reads SWML of any hand: keys nobody knows are `remarks`, and what makes one
    step impossible is in `late`: it matters when that step is reached.
    """

    source: Source
    #: False where the document came without its file: steps then say line 0
    placed: bool = True
    tolerant: bool = False
    #: steps a document may have; None where its author is trusted with that
    most: int | None = None
    count: int = 0
    steps: list[PlacedStep] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    late: list[Finding] = field(default_factory=list)
    remarks: list[Finding] = field(default_factory=list)

    def block(self, raw: Any, path: KeyPath, section: str) -> tuple[Step, ...]:
        """A list of steps; what is wrong with one is a finding, and the others are read."""
        if not isinstance(raw, list):
            self._wrong(path, "expected a list of steps")
            return ()
        self.count += len(raw)
        if self.most is not None and self.count > self.most:
            self._wrong(path, f"more than {self.most} steps in the document")
            return ()
        read = (self._step(item, path, index, section) for index, item in enumerate(raw))
        return tuple(step for step in read if step is not None)

    def _step(self, raw: Any, block: KeyPath, index: int, section: str) -> Step | None:
        path: KeyPath = (*block, index)
        bare = isinstance(raw, str)
        if bare:
            raw = {raw: None}
        if not isinstance(raw, Mapping) or len(raw) != 1:
            self._wrong(path, "a step is a verb's name, or one `verb: arguments`")
            return None
        ((name, value),) = raw.items()
        here = path if bare else (*path, name)
        verb = VERBS.get(name)
        line = self.source.place(path)[0] if self.placed else 0
        if verb is None:
            self._unknown(str(name), here)
            return _missing(str(name)[:40], line) if self.tolerant else None
        arguments = arguments_of(verb, value)
        if arguments is None and self.tolerant:
            self._remark(here, f"{name} takes keys; its value is ignored")
            arguments = {}
        if arguments is None:
            self._wrong(here, f"{name} takes keys, not a single value")
            return None
        before = len(self.findings)
        nested = self._nested(verb, arguments, here, section)
        if self.tolerant:
            nested, unknown = trimmed(verb, nested)
            self._ignored(verb, here, unknown)
        ready = self._checked(verb, nested, here)
        if len(self.findings) > before:
            return None
        step = Step(verb, nested, ready, line)
        short = verb.whole is not None or not isinstance(value, Mapping)
        self.steps.append(PlacedStep(section, block, index, verb, arguments, step, short))
        return step

    def _nested(
        self, verb: type[Verb], arguments: Mapping[str, Any], path: KeyPath, section: str
    ) -> Mapping[str, Any]:
        """The arguments with the blocks in them read."""
        if not issubclass(verb, Nesting):
            return arguments
        filled: dict[str, Any] = _copied(arguments)
        for place in verb.blocks(arguments):
            *parents, last = place
            node: Any = filled
            for key in parents:
                node = node[key]
            written = place if isinstance(self._at(path), Mapping) else place[1:]
            node[last] = self.block(node[last], (*path, *written), section)
        return filled

    def _checked(self, verb: type[Verb], arguments: Mapping[str, Any], path: KeyPath) -> Any:
        """The finished verb, or None where it must wait for its templates."""
        waits = has_template({k: v for k, v in arguments.items() if k not in verb.raw_keys})
        try:
            ready = verb.model_validate(arguments)
        except ValidationError as error:
            for detail in error.errors():
                if not (waits and _from_template(arguments, detail["loc"])):
                    self._refused(verb, detail, path)
            return None
        return None if waits else ready

    def _refused(self, verb: type[Verb], detail: Any, path: KeyPath) -> None:
        where = tuple(key for key in detail["loc"] if key != verb.whole)
        if where[:1] == (verb.shorthand,) and not isinstance(self._at(path), Mapping):
            where = where[1:]
        hint, message = "", str(detail["msg"]).removeprefix("Value error, ")
        if detail["type"] == "extra_forbidden":
            message = f"unknown key of {verb.name}"
            hint = nearest(str(where[-1]), keys_of(verb)) or f"its keys: {', '.join(keys_of(verb))}"
        elif detail["type"] == "missing":
            message, where = f"{verb.name} needs {where[-1]}" if where else message, where[:-1]
        self._wrong_step(self._known((*path, *where)), message, hint)

    def _ignored(self, verb: type[Verb], path: KeyPath, unknown: Sequence[KeyPath]) -> None:
        for keys in unknown[:_MOST_SAID]:
            hint = self._nearest(str(keys[-1]), keys_of(verb)) if len(keys) == 1 else ""
            self._remark((*path, *keys), f"unknown key of {verb.name}, ignored", hint)

    def _remark(self, path: KeyPath, message: str, hint: str = "") -> None:
        if len(self.remarks) < _MOST_SAID:
            found = self.source.finding(path, message, hint=hint, severity="warning")
            self.remarks.append(found)

    def _nearest(self, word: str, known: Iterable[str]) -> str:
        """Looking for it takes a millisecond: not for everything in a document of mistakes."""
        said = len(self.findings) + len(self.late) + len(self.remarks)
        return nearest(word[:40], known) if said < _MOST_HINTS else ""

    def _at(self, path: KeyPath) -> Any:
        """What stands at `path`; None for a bare verb."""
        node = self.source.data
        for key in path:
            node = None if isinstance(node, str) else node[key]
        return node

    def _known(self, path: KeyPath) -> KeyPath:
        """The part of `path` that exists in the document; pydantic names union members too."""
        node, known = self.source.data, []
        for key in path:
            inside = isinstance(node, Mapping) and key in node
            if inside or (isinstance(node, list) and isinstance(key, int) and key < len(node)):
                node = node[key]
                known.append(key)
        return tuple(known)

    def _unknown(self, name: str, path: KeyPath) -> None:
        if name in UNSUPPORTED:
            missing = f"{name} is a verb this server does not have"
            self._wrong_step(path, missing, UNSUPPORTED[name])
            return
        hint = self._nearest(name, VERBS) or f"the verbs: {', '.join(VERBS)}"
        self._wrong_step(path, f"unknown verb {name}", hint)

    def _wrong_step(self, path: KeyPath, message: str, hint: str = "") -> None:
        """Something that only this step suffers from."""
        kept = self.late if self.tolerant else self.findings
        if not self.tolerant or len(kept) < _MOST_SAID:
            kept.append(self.source.finding(path, message, hint=hint))

    def _wrong(self, path: KeyPath, message: str, hint: str = "") -> None:
        self.findings.append(self.source.finding(path, message, hint=hint))


def arguments_of(verb: type[Verb], value: Any) -> Mapping[str, Any] | None:
    """What stands under a verb's name as its keys, or None where it cannot be that."""
    if verb.whole is not None:
        return {verb.whole: value}
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    return {verb.shorthand: value} if verb.shorthand is not None else None


def _missing(name: str, line: int) -> Step:
    arguments = {"named": name}
    return Step(MissingVerb, arguments, MissingVerb(named=name), line, name)


def keys_of(verb: type[Verb]) -> list[str]:
    """The keys of a verb as they are written."""
    return [field.alias or name for name, field in verb.model_fields.items()]


def _from_template(arguments: Any, loc: tuple[int | str, ...]) -> bool:
    """True where the value pydantic refused is (or is made of) a template not filled in yet."""
    node = arguments
    for key in loc:
        if isinstance(node, Mapping) and key in node:
            node = node[key]
        elif isinstance(node, list | tuple) and isinstance(key, int) and key < len(node):
            node = node[key]
    return node is not arguments and has_template(node)


def _copied(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {key: _copied(value) for key, value in node.items()}
    return [_copied(item) for item in node] if isinstance(node, list) else node
