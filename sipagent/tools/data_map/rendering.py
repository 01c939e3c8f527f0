"""Templates filled from the data of a function, within bounds."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sipagent.call.services import Expressions
from sipagent.errors import PlanError

from .encoding import url_encoded
from .functions import Worker
from .grammar import Function, Node, Value, parse
from .paths import MISSING, lookup
from .phones import formatted

#: characters that all the templates of one run may come to
MOST = 262_144
#: of an output: lists and objects within each other
DEEPEST = 32


@dataclass(slots=True)
class Renderer:
    """Fills templates in one run of a data_map. What they come to is counted; `pause` is how many
    seconds of `@{sleep}` are still to be slept.
    """

    expressions: Expressions
    now: Callable[[], datetime]
    left: int = MOST
    pause: float = 0.0
    _worker: Worker = field(init=False)

    def __post_init__(self) -> None:
        self._worker = Worker(self.expressions, self.now)

    def fill(self, value: Any, roots: Sequence[Mapping[str, Any]], depth: int = 0) -> Any:
        """Templates filled anywhere in `value`. Texts stay texts; a template that stands alone
        for a list or an object becomes it. Raises PlanError.
        """
        if depth > DEEPEST:
            raise PlanError(f"lists and objects stand more than {DEEPEST} deep in each other")
        if isinstance(value, Mapping):
            return {
                self.text(str(key), roots): self.fill(item, roots, depth + 1)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.fill(item, roots, depth + 1) for item in value]
        if not isinstance(value, str):
            return value
        nodes = parse(value)
        if len(nodes) == 1 and isinstance(lone := nodes[0], Value) and not lone.helpers:
            found = lookup(self._joined(lone.path, roots), roots)
            if isinstance(found, Mapping | list):
                self._spend(as_text(found))
                return found
        return self._joined(nodes, roots)

    def text(
        self,
        template: str,
        roots: Sequence[Mapping[str, Any]],
        quote: Callable[[str], str] | None = None,
    ) -> str:
        """A template text filled. `quote` is what becomes of each value that is put in. Raises
        PlanError.
        """
        return self._joined(parse(template), roots, quote)

    def _joined(
        self,
        nodes: Sequence[Node],
        roots: Sequence[Mapping[str, Any]],
        quote: Callable[[str], str] | None = None,
    ) -> str:
        parts = []
        for node in nodes:
            part = node if isinstance(node, str) else self._put_in(node, roots)
            if quote is not None and not isinstance(node, str):
                part = quote(part)
            parts.append(self._spend(part))
        return "".join(parts)

    def _put_in(self, node: Value | Function, roots: Sequence[Mapping[str, Any]]) -> str:
        if isinstance(node, Value):
            return _helped(as_text(lookup(self._joined(node.path, roots), roots)), node.helpers)
        words = self._joined(node.words, roots)
        if node.name == "sleep":
            self.pause += self._worker.seconds(words)
            return ""
        return self._worker.run(node.name, words)

    def _spend(self, text: str) -> str:
        self.left -= len(text)
        if self.left < 0:
            raise PlanError(f"the templates come to more than {MOST} characters")
        return text


def as_text(value: Any) -> str:
    """A value as it stands in a text: nothing for null and what is missing, JSON for lists and
    objects. Raises PlanError for what cannot be written.
    """
    if value is MISSING or value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.10g}"
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError) as error:
        raise PlanError(f"a value cannot be written: {type(error).__name__}") from error


def _helped(text: str, helpers: frozenset[str]) -> str:
    """In the vendor's fixed order, however they were written."""
    if "fmt_ph" in helpers and text:
        text = formatted(text)
    if "lc" in helpers:
        text = text.lower()
    return url_encoded(text) if "enc" in helpers else text
