"""Functions of `tools/` as a SWAIG endpoint: what is asked, and what is answered."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from sipagent.errors import ConfigError
from sipagent.serving.endpoint import MOST, Access, Endpoint, Reply, Request
from sipagent.serving.functions import Functions
from sipagent.serving.tokens import Tokens
from sipagent.tools.functions import MAX_RESULT

NOW = 1_700_000_000.0
BASE = "https://tools.example/swaig"


def basic(user: str, password: str) -> dict[str, str]:
    word = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"authorization": f"Basic {word}"}


async def ask(
    endpoint: Endpoint,
    body: Any,
    *,
    method: str = "POST",
    path: str = "/swaig",
    query: str = "",
    headers: dict[str, str] | None = None,
) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await endpoint.answer(Request(method, path, query, headers or {}, raw, BASE))


def wanted(function: str, **arguments: Any) -> dict[str, Any]:
    """A function webhook as a gateway posts it."""
    raw = json.dumps(arguments)
    return {"function": function, "argument": {"parsed": [arguments], "raw": raw}, "call_id": "c"}


async def test_a_function_is_run_and_its_words_are_the_response(functions: Functions) -> None:
    endpoint = Endpoint(functions, Access())
    reply = await ask(endpoint, wanted("price", item="hat", count=2))
    assert (reply.status, reply.data) == (200, {"response": "2 hat: 24 euros"})
    by_path = await ask(endpoint, {"argument": {"raw": '{"item": "hat"}'}}, path="/swaig/price")
    assert by_path.data == {"response": "1 hat: 12 euros"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (wanted("price"), "price was not run: item: Field required"),
        (wanted("price", item="hat", colour="red"), "colour: there is no such argument"),
        (wanted("price", item="moon"), "The moon is not for sale."),
        (wanted("broken"), "broken failed; go on without it"),
        (wanted("slow"), "slow did not answer in time."),
        (wanted("nobody"), "There is no function nobody."),
        ({"function": "price", "argument": {"raw": "[1"}}, "the arguments are not a JSON object"),
    ],
)
async def test_what_goes_wrong_is_a_200_with_words_for_the_model(
    functions: Functions, body: dict[str, Any], words: str
) -> None:
    reply = await ask(Endpoint(functions, Access()), body)
    assert reply.status == 200 and words in reply.data["response"]
    assert "secret detail" not in str(reply.data) and "action" not in reply.data


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), ([1], 400), ({}, 400), ({"function": "a b"}, 400), (b" " * (MOST + 1), 413)],
)
async def test_what_is_no_swaig_request_is_refused(
    functions: Functions, body: Any, status: int
) -> None:
    assert (await ask(Endpoint(functions, Access()), body)).status == status


async def test_a_result_is_bounded(functions: Functions) -> None:
    reply = await ask(Endpoint(functions, Access()), wanted("long_words"))
    assert len(reply.data["response"]) < MAX_RESULT + 100


async def test_what_a_function_does_to_the_call_comes_back_as_actions(functions: Functions) -> None:
    endpoint = Endpoint(functions, Access())
    told = (await ask(endpoint, wanted("put_through", to="sales"))).data
    assert told["response"] == "it will be done when this function has returned"
    data, play, connect = told["action"]
    assert data == {"set_global_data": {"department": "sales"}}
    assert play["SWML"]["sections"]["main"] == [{"play": {"url": "say:One moment."}}]
    assert "transfer" not in play
    assert connect["SWML"]["sections"]["main"] == [{"connect": {"to": "sip:sales@pbx.example"}}]
    assert connect["transfer"] == "true"
    body = wanted("goodbye") | {"SWMLVars": {"name": "Ada"}}
    assert (await ask(endpoint, body)).data == {
        "response": "goodbye, Ada",
        "action": [{"hangup": True}],
    }


async def test_a_signature_is_every_function_as_swaig_declares_it(functions: Functions) -> None:
    endpoint = Endpoint(functions, Access())
    asked = {"action": "get_signature", "functions": ["price", "nobody"], "version": "2.0"}
    assert (await ask(endpoint, asked)).data == [
        {
            "function": "price",
            "description": "What a thing costs.",
            "parameters": {
                "type": "object",
                "properties": {
                    "item": {"type": "string", "description": "What it is called."},
                    "count": {"type": "integer", "default": 1},
                },
                "required": ["item"],
                "additionalProperties": False,
            },
            "web_hook_url": BASE,
        }
    ]
    everything = (await ask(endpoint, {"action": "get_signature"})).data
    assert len(everything) == len(functions.tools)
    (shown,) = [one for one in everything if one["function"] == "put_through"]
    assert list(shown["parameters"]["properties"]) == ["to"]


async def test_without_the_password_nothing_but_the_health_is_told(functions: Functions) -> None:
    endpoint = Endpoint(functions, Access("me", "pass:word"))
    body = {"action": "get_signature", "functions": ["price"]}
    for headers in ({}, basic("me", "wrong"), {"authorization": "Basic ü"}, {"authorization": "x"}):
        reply = await ask(endpoint, body, headers=headers)
        assert (reply.status, reply.headers["WWW-Authenticate"][:5]) == (401, "Basic")
    healthy = await ask(endpoint, b"", method="GET", path="/health")
    assert healthy.data == {"status": "ok", "functions": len(functions.tools)}
    (declared,) = (await ask(endpoint, body, headers=basic("me", "pass:word"))).data
    assert (declared["web_hook_auth_user"], declared["web_hook_auth_password"]) == (
        "me",
        "pass:word",
    )


async def test_a_token_opens_one_function_for_its_time(functions: Functions) -> None:
    now = NOW
    tokens = Tokens(b"key", lifetime=60)
    endpoint = Endpoint(functions, Access(tokens=tokens, url="https://public.example"), lambda: now)
    (declared,) = (await ask(endpoint, {"action": "get_signature", "functions": ["price"]})).data
    url, _, query = declared["web_hook_url"].partition("?")
    assert url == "https://public.example" and query.startswith("__token=")

    async def said(function: str, query: str) -> str:
        reply = await ask(endpoint, wanted(function, item="hat"), query=query)
        assert reply.status == 200
        return str(reply.data["response"])

    refused = "The token is invalid or expired."
    assert await said("price", query) == "1 hat: 12 euros"
    assert await said("broken", query) == refused
    assert await said("price", "") == refused
    assert await said("price", query[:-8] + "AAAAAAA=") == refused
    assert await said("price", "__token=%FF%FF") == refused
    now += 61
    assert await said("price", query) == refused
    assert not tokens.valid(Tokens(b"other").mint("price", NOW), "price", NOW)


def test_a_function_that_takes_a_secret_is_refused_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "pay.py"
    file.write_text(
        "from pydantic import SecretStr\nfrom sipagent.tools import tool\n"
        "@tool\nasync def pay(card: SecretStr) -> str:\n    return 'paid'\n"
    )
    with pytest.raises(ConfigError, match=r"pay\.py:3:1: error: pay: takes the secret card"):
        Functions.load([file])
    assert list(Functions.load([file], secrets=True).tools) == ["pay"]
    with pytest.raises(ConfigError, match="is not there"):
        Functions.load([tmp_path / "missing"])
