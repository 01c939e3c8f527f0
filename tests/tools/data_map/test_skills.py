"""The DataMap builder and the DataMap skills of both SDKs, their services on real sockets."""

import importlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from sipagent.config import Web
from sipagent.dialplan.expressions import JavaScript
from sipagent.providers.web.client import HttpWeb
from sipagent.testing.web_server import Answer, Question, WebServer
from sipagent.tools.data_map import CallData, DataMap, House, Mapped, run

SDKS = ("signalwire", "signalwire_agents")
HOSTS = ("https://api.api-ninjas.com", "https://api.weatherapi.com", "https://space.signalwire.com")
PAGES: Mapping[str, Any] = {
    "/v1/jokes": [{"joke": "A SIP phone walks into a bar."}],
    "/v1/dadjokes": {"error": "no key"},
    "/v1/trivia": [{"category": "music", "question": "Who?", "answer": "Bach"}],
    "/v1/current.json": {
        "current": {"condition": {"text": "Sunny"}, "temp_f": 72.5, "temp_c": 22.5,
                    "feelslike_f": 71.0, "feelslike_c": 21.6, "wind_mph": 4, "wind_dir": "N",
                    "cloud": 10}
    },
    "/api/datasphere/documents/search": {"chunks": [{"text": "Rates are low."}, {"text": "Yes."}]},
}  # fmt: skip


def page(question: Question) -> Answer:
    return Answer(data=PAGES[question.path])


def declared(sdk: str, skill: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The function a skill puts into the document of its agent."""
    agent = importlib.import_module(sdk).AgentBase("shop", route="/shop")
    agent.add_skill(skill, dict(params))
    main = json.loads(agent._render_swml())["sections"]["main"]
    (ai,) = [step["ai"] for step in main if "ai" in step]
    (function,) = ai["SWAIG"]["functions"]
    found: dict[str, Any] = function
    return found


async def called(server: WebServer, function: Mapping[str, Any], args: Mapping[str, Any]) -> Mapped:
    """A function is called; its services are the server's pages."""
    text = json.dumps(function)
    for host in HOSTS:
        text = text.replace(host, f"http://{server.place}")
    web = HttpWeb(Web(allow=(server.place,)))
    try:
        data_map = DataMap.read(json.loads(text)["data_map"])
        house = House(web, JavaScript(), lambda: datetime.now(UTC))
        return await run(data_map, CallData(args=args), house)
    finally:
        await web.close()


@pytest.mark.swml("data_map", "webhooks", "skills of both SDKs: jokes, trivia, weather")
@pytest.mark.parametrize("sdk", SDKS)
async def test_skills_that_ask_a_service(sdk: str) -> None:
    async with WebServer(page) as server:
        joke = declared(sdk, "joke", {"api_key": "k3y", "tool_name": "tell"})
        told = await called(server, joke, {"type": "jokes"})
        assert "A SIP phone walks into a bar." in told.result["response"]
        assert server.requests[-1].headers["x-api-key"] == "k3y"
        none = await called(server, joke, {"type": "dadjokes"})
        assert none.trouble == ("the reply has the error key error",)
        assert "problem" in none.result["response"] or "sorry" in none.result["response"].lower()

        trivia = declared(sdk, "api_ninjas_trivia", {"api_key": "k", "tool_name": "quiz"})
        asked = await called(server, trivia, {"category": "music"})
        assert "Category music question: Who? Answer: Bach" in asked.result["response"]
        assert server.requests[-1].target == "/v1/trivia?category=music"

        weather = declared(sdk, "weather_api", {"api_key": "k", "tool_name": "weather"})
        sunny = await called(server, weather, {"location": "São Paulo"})
        assert "Sunny" in sunny.result["response"]
        assert "72.5" in sunny.result["response"]
        assert "q=s%C3%A3o%20paulo" in server.requests[-1].target


@pytest.mark.swml("data_map", "foreach", "the DataSphere skill of both SDKs")
@pytest.mark.parametrize("sdk", SDKS)
async def test_a_search_puts_its_hits_together(sdk: str) -> None:
    params = {
        "space_name": "space",
        "project_id": "p",
        "token": "t",
        "document_id": "d",
        "count": 2,
    }
    async with WebServer(page) as server:
        search = declared(sdk, "datasphere_serverless", params)
        found = await called(server, search, {"query": "rates"})
        assert "Rates are low." in found.result["response"]
        assert "Yes." in found.result["response"]
        (question,) = server.requests
        assert question.json["query_string"] == "rates"
        assert question.headers["authorization"].startswith("Basic ")


@pytest.mark.swml("data_map", "expressions", "skills of both SDKs: background files, transfers")
@pytest.mark.parametrize("sdk", SDKS)
async def test_skills_that_only_match(sdk: str) -> None:
    files = [{"key": "song", "description": "a song", "url": "https://x.example/a.mp3"}]
    async with WebServer(page) as server:
        music = declared(sdk, "play_background_file", {"files": files, "tool_name": "music"})
        started = await called(server, music, {"action": "start_song"})
        assert started.result["action"] == [{"playback_bg": "https://x.example/a.mp3"}]
        stopped = await called(server, music, {"action": "stop"})
        assert stopped.result["action"] == [{"stop_playback_bg": True}]

        transfers = {
            "/sales/i": {"address": "+15551230000", "message": "Sales it is."},
            "/support/i": {"url": "https://x.example/support", "message": "Support it is."},
        }
        params = {"transfers": transfers, "tool_name": "go", "parameter_name": "where"}
        go = declared(sdk, "swml_transfer", params)
        sales = await called(server, go, {"where": "the Sales team"})
        assert sales.result["response"] == "Sales it is."
        (action,) = sales.result["action"]
        assert action["SWML"]["sections"]["main"] == [{"connect": {"to": "+15551230000"}}]
        nobody = await called(server, go, {"where": "the moon"})
        assert "action" not in nobody.result
        assert server.requests == []


@pytest.mark.swml("data_map", "require_args", "what the builder of both SDKs writes")
@pytest.mark.parametrize("sdk", SDKS)
async def test_what_the_builder_writes_is_run(sdk: str) -> None:
    module = importlib.import_module(sdk)
    result = getattr(module, "FunctionResult", None) or module.SwaigFunctionResult
    built = (
        module.DataMap("quiz")
        .purpose("A question")
        .parameter("category", "string", "of what", required=True)
        .expression("${args.category}", r"^rude", result("No."), nomatch_output=None)
        .webhook(
            "GET",
            "https://api.api-ninjas.com/v1/trivia?category=${enc:args.category}",
            require_args=["category"],
        )
        .output(
            result("${array[0].question}").add_action(
                "set_global_data", {"a": "${array[0].answer}"}
            )
        )
        .fallback_output(result("No question about ${args.category}."))
    ).to_swaig_function()
    async with WebServer(page) as server:
        assert (await called(server, built, {"category": "rude"})).result == {"response": "No."}
        asked = await called(server, built, {"category": "music"})
        assert asked.result == {
            "response": "Who?", "action": [{"set_global_data": {"a": "Bach"}}],
        }  # fmt: skip
        assert (await called(server, built, {})).result["response"] == "No question about ."
