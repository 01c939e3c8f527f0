"""Contexts and steps of an SWML prompt, as an agent's own. Pure."""

from collections.abc import Mapping
from typing import Any

from sipagent.agent.steps.spec import DEFAULT

from .pom import Format, rendered
from .values import by_language, flag, objects, text, texts

#: the vendor's kinds of answers that have another name here
_KINDS = {"integer": "number", "boolean": "yes_no", "bool": "yes_no"}
_OWN_KINDS = frozenset(
    {"string", "number", "digits", "email", "date", "yes_no", "address", "spelling"}
)
_CONTEXT = frozenset(
    {
        "consolidate", "enter_fillers", "exit_fillers", "full_reset", "history", "initial_step",
        "isolated", "pom", "post_prompt", "prompt", "steps", "system_prompt", "user_prompt",
        "valid_contexts", "valid_steps",
    }
)  # fmt: skip
_STEP = frozenset(
    {
        "end", "functions", "gather_info", "history", "name", "pom", "reset", "skip_to_next_step",
        "skip_user_turn", "step_criteria", "text", "valid_contexts", "valid_steps",
    }
)  # fmt: skip


class ContextReader:
    """Reads the contexts of one prompt; `notes` are what is left out."""

    def __init__(self, form: Format) -> None:
        self.notes: list[str] = []
        self._form = form

    def contexts(self, raw: Any) -> dict[str, Any]:
        """Keys of `AgentSpec.contexts`."""
        if not isinstance(raw, Mapping):
            return {}
        found = {
            str(name): self._context(str(name), one)
            for name, one in raw.items()
            if isinstance(one, Mapping)
        }
        if found and DEFAULT not in found:
            next(iter(found.values()))["initial"] = True
        return found

    def _context(self, name: str, raw: Mapping[str, Any]) -> dict[str, Any]:
        self._unknown(f"contexts.{name}", raw, _CONTEXT)
        steps = [
            self._step(name, index, one) for index, one in enumerate(objects(raw.get("steps")))
        ]
        found = {
            **self._reset(raw),
            "steps": steps,
            "prompt": rendered(raw.get("pom"), self._form) or text(raw.get("prompt")),
            "isolated": bool(flag(raw.get("isolated"))) or raw.get("history") == "hide",
            "valid_steps": texts(raw.get("valid_steps")),
            "valid_contexts": texts(raw.get("valid_contexts")),
            "enter_fillers": by_language(raw.get("enter_fillers")),
            "exit_fillers": by_language(raw.get("exit_fillers")),
            "post_prompt": text(raw.get("post_prompt")),
        }
        if (first := text(raw.get("initial_step"))) and first in [one["name"] for one in steps]:
            found["initial_step"] = first
        return found

    def _step(self, context: str, index: int, raw: Mapping[str, Any]) -> dict[str, Any]:
        name = text(raw.get("name")) or f"step {index + 1}"
        self._unknown(f"contexts.{context}.{name}", raw, _STEP)
        end = bool(flag(raw.get("end")))
        reset = raw.get("reset")
        found: dict[str, Any] = {
            "name": name,
            "text": rendered(raw.get("pom"), self._form) or text(raw.get("text")) or name,
            "step_criteria": text(raw.get("step_criteria")),
            "valid_steps": () if end else texts(raw.get("valid_steps")),
            "valid_contexts": texts(raw.get("valid_contexts")),
            "end": end,
            "skip_user_turn": bool(flag(raw.get("skip_user_turn"))),
            "skip_to_next_step": bool(flag(raw.get("skip_to_next_step"))),
        }
        if (names := raw.get("functions")) is not None:
            found["functions"] = () if names == "none" else texts(names)
        if isinstance(reset, Mapping):
            found["reset"] = self._reset(reset)
        elif raw.get("history") == "hide":
            found["reset"] = {"full_reset": True}
        if isinstance(gather := raw.get("gather_info"), Mapping):
            found["gather_info"] = self._gather(gather)
        return found

    def _reset(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "system_prompt": text(raw.get("system_prompt")),
            "user_prompt": text(raw.get("user_prompt")),
            "consolidate": bool(flag(raw.get("consolidate"))),
            "full_reset": bool(flag(raw.get("full_reset"))),
        }

    def _gather(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "questions": [self._question(one) for one in objects(raw.get("questions"))],
            "prompt": text(raw.get("prompt")),
            "output_key": text(raw.get("output_key")),
            "completion_action": text(raw.get("completion_action")),
            "failure_action": "next_step" if raw.get("completion_action") else None,
            "into": "global_data",
        }

    def _question(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        key = text(raw.get("key")) or "answer"
        said = text(raw.get("type")) or "string"
        kind = _KINDS.get(said, said)
        if kind not in _OWN_KINDS:
            self.notes.append(f"question {key}: type {said} is taken as it is said")
            kind = "string"
        found: dict[str, Any] = {
            "key": key,
            "question": text(raw.get("question")) or key,
            "type": kind,
            "confirm": bool(flag(raw.get("confirm"))),
            "prompt": text(raw.get("prompt")),
        }
        if (names := raw.get("functions")) is not None:
            found["functions"] = () if names == "none" else texts(names)
        return found

    def _unknown(self, place: str, raw: Mapping[str, Any], known: frozenset[str]) -> None:
        unknown = [key for key in raw if key not in known]
        self.notes += [f"{place}.{key} is not known and is ignored" for key in unknown]
