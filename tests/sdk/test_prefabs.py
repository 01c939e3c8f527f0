"""The SDKs' own agents at work: documents fetched, functions asked, over real sockets."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sipagent.call.policy import Policy
from sipagent.config import Web
from sipagent.dialplan.expressions import JavaScript
from sipagent.dialplan.swml.ai import agent_of
from sipagent.dialplan.swml.documents import SwmlDocuments
from sipagent.dialplan.swml.organs import Vocabulary
from sipagent.providers.web.client import HttpWeb
from sipagent.testing.fakes import FakeCall, a_call
from sipagent.tools.spec import ToolResult
from sipagent.tools.swaig.source import SwaigSource
from sipagent.verbs.converse import AiVerb
from sipagent.verbs.documents import run_document

from .running import sdk_agent

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
SERVER = Vocabulary({"mind": "openai"}, {"openai"})
CALL = {"call_id": "call-1", "from": "sip:alice@127.0.0.1", "to": "sip:100@127.0.0.1"}


class Fetched:
    """An agent whose document was fetched, ready to have its functions called."""

    def __init__(self, call: FakeCall, source: SwaigSource) -> None:
        self.call = call
        self._source = source
        self._control = call.control("model", Policy(destinations=("sip:*@pbx.example",)))
        source.open(self._control)

    async def use(self, function: str, /, **arguments: Any) -> ToolResult:
        """Call a function as the model does."""
        tools = {tool.name: tool for tool in self._source.offered()}
        return await tools[function].invoke(arguments, self._control)

    @property
    def data(self) -> Mapping[str, Any]:
        """The call's global data."""
        data: dict[str, Any] = self.call.session.scope.get("global_data", {})
        return data


@asynccontextmanager
async def fetched(base: str, route: str) -> AsyncIterator[Fetched]:
    """Fetch the document of one agent, as a call does."""
    web = HttpWeb(Web(allow=("127.0.0.1", "localhost")))
    house: dict[str, Any] = {"web": web, "documents": SwmlDocuments(), "expressions": JavaScript()}
    call = a_call(variables={"call": CALL}, **house)
    try:
        documents = call.services.documents
        document = await documents.fetch(f"{base}/{route}", call.session)
        (step,) = (s for s in document.program["main"] if s.verb is AiVerb)
        agent = agent_of(step.arguments, SERVER).spec
        assert agent.swaig is not None
        call.session.scope["global_data"] = dict(agent.global_data)
        yield Fetched(call, SwaigSource(agent.swaig, run_document))
    finally:
        await web.close()
        await call.close()


@pytest.mark.parametrize("package", ["signalwire_agents", "signalwire"])
async def test_the_functions_of_every_prefab_answer(tmp_path: Path, package: str) -> None:
    async with sdk_agent(tmp_path, "gallery.py", package) as gallery:
        parts = urlsplit(gallery.url)
        base = f"{parts.scheme}://{parts.netloc}"
        async with fetched(base, "concierge") as concierge:
            found = await concierge.use("get_directions", location="pool")
            assert "second floor" in found.text
        async with fetched(base, "faq") as faq:
            assert "When are you open?" in (await faq.use("search_faqs", query="open")).text
        async with fetched(base, "survey") as survey:
            wrong = await survey.use("validate_response", question_id="taste", response="9")
            right = await survey.use("validate_response", question_id="taste", response="4")
            assert wrong.ok and right.ok and wrong.text != right.text
        async with fetched(base, "info_gatherer") as info:
            asked = await info.use("start_questions")
            assert "What is your name?" in asked.text
            await info.use("submit_answer", answer="Ann")
        async with fetched(base, "receptionist") as desk:
            await desk.use("collect_caller_info", name="Ann", reason="a hat")
            refused = await desk.use("transfer_call", department="nowhere")
            assert not refused.ok  # its own schema knows no such department
        async with fetched(base, "skilled") as skilled:
            assert "14" in (await skilled.use("calculate", expression="2 + 3 * 4")).text
            assert (await skilled.use("get_current_date", timezone="Europe/Rome")).ok
