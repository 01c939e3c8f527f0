"""Plan: a dialplan as typed data, ready to take calls."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sipagent.agent.spec import AgentSpec
from sipagent.call.policy import Policy
from sipagent.call.privacy import Privacy
from sipagent.call.step import Program
from sipagent.tools.mcp.spec import McpUses

from .routes import Route


class Shared(BaseModel):
    """Keys of a plan that its agents have in common, where they have none of their own."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    mcp_servers: McpUses = Field(
        default=(), description="servers whose tools all agents may use that name none themselves"
    )

    def given(self, agent: AgentSpec) -> AgentSpec:
        """The agent with what it leaves to its plan."""
        own = agent.model_fields_set
        left = {key: getattr(self, key) for key in self.model_fields_set if key not in own}
        return agent.model_copy(update=left) if left else agent


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
