"""The same functions as an AWS Lambda: real event shapes, and what a cold start imports."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sipagent.serving import aws
from sipagent.serving.aws import lambda_handler

BODY = json.dumps({"function": "price", "argument": {"parsed": [{"item": "hat"}]}})


class Context:
    """As Lambda gives it."""

    def __init__(self, left: int) -> None:
        self._left = left

    def get_remaining_time_in_millis(self) -> int:
        return self._left


def rest(body: str, path: str = "/swaig", **more: Any) -> dict[str, Any]:
    """API Gateway, REST API, payload version 1.0."""
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": "POST",
        "headers": {"Content-Type": "application/json", "Host": "a1.execute-api.example"},
        "multiValueHeaders": {"Content-Type": ["application/json"]},
        "queryStringParameters": None,
        "requestContext": {"httpMethod": "POST", "path": f"/prod{path}", "stage": "prod"},
        "body": body,
        "isBase64Encoded": False,
        **more,
    }


def http(body: str, path: str = "/swaig", query: str = "") -> dict[str, Any]:
    """API Gateway, HTTP API, payload version 2.0; a function URL has the same shape."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"content-type": "application/json", "host": "u1.lambda-url.example"},
        "requestContext": {"http": {"method": "POST", "path": path, "protocol": "HTTP/1.1"}},
        "body": base64.b64encode(body.encode()).decode(),
        "isBase64Encoded": True,
    }


@pytest.fixture(autouse=True)
def environment(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fresh instance."""
    monkeypatch.setenv("SIPAGENT_TOOLS", str(shop))
    monkeypatch.setenv("SIPAGENT_TOOLS_SECRET", "")
    aws._endpoint.cache_clear()


@pytest.mark.parametrize("event", [rest(BODY), http(BODY), rest("{}", path="/price")])
def test_every_kind_of_event_is_answered(event: dict[str, Any]) -> None:
    reply = lambda_handler(event, Context(10_000))
    assert reply["statusCode"] == 200 and reply["isBase64Encoded"] is False
    assert reply["headers"]["Content-Type"] == "application/json"
    said = json.loads(reply["body"])["response"]
    assert said in ("1 hat: 12 euros", "price was not run: item: Field required")


def test_a_signature_names_the_url_it_was_asked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIPAGENT_TOOLS_SECRET", "shared by all instances")
    asked = json.dumps({"action": "get_signature", "functions": ["price"]})
    for event, base in (
        (rest(asked), "https://a1.execute-api.example/prod/swaig"),
        (http(asked), "https://u1.lambda-url.example/swaig"),
    ):
        (declared,) = json.loads(lambda_handler(event)["body"])
        url, _, query = declared["web_hook_url"].partition("?")
        assert url == base
        called = http(BODY, query=query)
        assert json.loads(lambda_handler(called)["body"]) == {"response": "1 hat: 12 euros"}
    assert "invalid or expired" in lambda_handler(http(BODY))["body"]


def test_an_invocation_that_runs_out_of_time_still_answers(shop: Path) -> None:
    shop.write_text(shop.read_text().replace("timeout=0.05", "timeout=60"))
    event = http(json.dumps({"function": "slow"}))
    reply = lambda_handler(event, Context(700))
    assert "did not answer in time" in json.loads(reply["body"])["response"]


def test_a_body_that_is_not_what_it_says_is_refused() -> None:
    assert lambda_handler(http("{}") | {"body": "a"})["statusCode"] == 400
    assert lambda_handler({})["statusCode"] == 405


def test_a_cold_start_imports_no_telephony_no_models_and_no_web_framework() -> None:
    code = "import sys, sipagent.serving; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    imported = set(ran.stdout.split())
    assert "sipagent" in imported and "pydantic" in imported
    heavy = {"pjsua2", "_pjsua2", "av", "fastapi", "uvicorn", "starlette", "httpx", "sqlalchemy"}
    heavy |= {"pocketsphinx", "pydantic_ai", "openai", "mcp", "quickjs", "ruamel", "typer", "rich"}
    assert not imported & heavy
