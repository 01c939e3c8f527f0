"""SWML agents for tests: an `ai` object's parameters as keys of an agent, and what they say."""

import asyncio
from collections.abc import Mapping
from typing import Any

from sipagent.agent.refs import ProviderRef
from sipagent.call.control import CallControl
from sipagent.config.swml import Swml
from sipagent.dialplan.swml.ai import agent_of
from sipagent.dialplan.swml.organs import Vocabulary
from sipagent.tools.spec import ToolResult, ToolSpec

from .fakes import FakeSounds
from .talk import FakeTalk

HOUSE = Vocabulary(swml=Swml(brain=(ProviderRef(provider="scripted"),)))
#: fifteen words
LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"


def keys(ai: Mapping[str, Any] | None = None, **params: Any) -> dict[str, Any]:
    """An SWML agent with these parameters, as keys of an AgentSpec but for its organs. It waits for
    the caller unless `wait_for_user` says otherwise.
    """
    params.setdefault("wait_for_user", True)
    spec = agent_of({"prompt": {"text": "Be kind."}, "params": params, **(ai or {})}, HOUSE).spec
    said = spec.model_fields_set - {"brain", "ears", "voice", "tools"}
    return {name: getattr(spec, name) for name in said}


def texts(talk: FakeTalk, role: str) -> list[str]:
    """What stands in the conversation under a role."""
    return [m.text for m in talk.conversation.messages if m.role == role and m.text]


def sounds(talk: FakeTalk) -> FakeSounds:
    """What is played in its call."""
    found = talk.call.session.services.sounds
    assert isinstance(found, FakeSounds)
    return found


async def _slow(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
    await asyncio.sleep(1)
    return ToolResult("done")


SLOW = ToolSpec("slow", "Takes a second.", {"type": "object"}, _slow)
