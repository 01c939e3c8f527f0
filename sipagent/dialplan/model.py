"""Plan: a dialplan as typed data, ready to take calls."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sipagent.agent.spec import AgentSpec
from sipagent.call.policy import Policy
from sipagent.call.privacy import Privacy
from sipagent.call.step import Program

from .routes import Route


@dataclass(frozen=True, slots=True)
class Plan:
    """`document` is what `program` and the rest were made of, as plain data: it can travel to
    another process and be read there again.
    """

    name: str
    file: str
    routes: tuple[Route, ...]
    agents: Mapping[str, AgentSpec]
    policy: Policy
    privacy: Privacy
    program: Program
    document: Mapping[str, Any]
