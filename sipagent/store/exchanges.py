"""Exchanges: `models.jsonl` read back, each request with its answer."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .vault import PLAIN, Files

_log = structlog.get_logger(__name__)
Data = dict[str, Any]


class _Read(BaseModel):
    # a newer server may know more
    model_config = ConfigDict(frozen=True, extra="ignore")


class Asked(_Read):
    """A request: what for (`talk`, `afterwards`, `writing`, `sidecar`), of which agent and
    provider, and everything the mind was given. `t` is ms on the media clock.
    """

    n: int
    t: int = 0
    purpose: str = Field(default="talk", alias="for")
    agent: str = ""
    provider: str = ""
    model: str = ""
    settings: Data = {}
    prompt: str = ""
    tools: tuple[Data, ...] = ()
    messages: tuple[Data, ...] = ()


class Answered(_Read):
    """What came: `whole`, `stopped` (the caller went on) or `failed` with an `error`. `first_ms`
    and `ms` are from the request to the first part and to the end. `calls` have `id`, `name` and
    `arguments`. `spoken`: by the model's own voice.
    """

    n: int
    t: int = 0
    end: Literal["whole", "stopped", "failed"] = "whole"
    text: str = ""
    spoken: bool = False
    calls: tuple[Data, ...] = ()
    first_ms: int | None = None
    ms: int = 0
    model: str = ""
    tokens: dict[str, int] = {}
    error: str = ""


class Exchange(_Read):
    """One request, and its answer where one is on record."""

    asked: Asked
    answer: Answered | None = None


class ModelRecord(_Read):
    """All exchanges of a call; `left_out` lines had no room."""

    exchanges: tuple[Exchange, ...] = ()
    left_out: int = 0


def read_models(path: Path, files: Files = PLAIN) -> ModelRecord:
    """What a file holds. A line that was cut by a kill is skipped. Raises OSError, VaultError."""
    with files.open(path) as file:
        return gather(file)


def gather(lines: Iterable[bytes]) -> ModelRecord:
    """The same of lines."""
    once: dict[str, Any] = {}
    asked: dict[int, Asked] = {}
    answers: dict[int, Answered] = {}
    left_out = 0
    for line in lines:
        try:
            told = json.loads(line)
            match told.get("type"):
                case "prompt" | "tools":
                    once[told["id"]] = told["content"]
                case "request":
                    request = Asked.model_validate(_whole(told, once, asked))
                    asked[request.n] = request
                case "answer":
                    answers[told["n"]] = Answered.model_validate(told)
                case "left_out":
                    left_out = told["lines"]
        except (ValueError, KeyError, AttributeError, TypeError, ValidationError):
            _log.warning("model_line_skipped", bytes=len(line))
    found = (Exchange(asked=one, answer=answers.get(n)) for n, one in asked.items())
    return ModelRecord(exchanges=tuple(found), left_out=left_out)


def _whole(told: Data, once: Mapping[str, Any], asked: Mapping[int, Asked]) -> Data:
    """A request with everything it only names."""
    messages: Sequence[Data] = told["messages"]
    if (begins := told.get("begins")) is not None:
        shared = asked[begins["n"]].messages[begins["from"] : begins["to"]]
        messages = [*shared, *messages]
    return {
        **told,
        "prompt": once[told["prompt"]] if told["prompt"] else "",
        "tools": once[told["tools"]] if told["tools"] else (),
        "messages": messages,
    }
