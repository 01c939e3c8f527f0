"""What is wrong with what others serve: providers, MCP servers, webhooks, STUN."""

from collections.abc import Callable

import pytest
from pydantic import TypeAdapter

from sipagent.agent.spec import AgentSpec, ProviderRef
from sipagent.api.receivers import WebhookView
from sipagent.app.hooks.report import WebhookReport
from sipagent.config import Provider, Settings, Webhook, Webrtc
from sipagent.config.mcp import McpServers
from sipagent.doctor.checks.providers import Used
from sipagent.doctor.checks.providers import judged as told
from sipagent.providers.refusals import refusal
from sipagent.testing.model_server import ModelServer
from sipagent.testing.ports import free_port
from sipagent.testing.stun import StunStub
from sipagent.testing.vendors.deepgram import Deepgram
from sipagent.testing.vendors.socket_server import SocketServer

from .conftest import Examined, wrong

Made = Callable[..., Settings]
THINKING = """
routes: [{to: '100'}]
agents:
  desk: {brain: {provider: gpt}, prompt: "You are a desk."}
sections: {main: [answer, {ai: {agent: desk}}]}
"""

SPEAKING = """
routes: [{to: '100'}]
agents:
  desk:
    ears: {provider: nova}
    voice: [{provider: nova, model: aura-2-thalia-en}, {provider: lost, model: aura-2-thalia-en}]
    intents: {hours: {phrases: [when are you open], say: Now.}}
sections: {main: [answer, {ai: {agent: desk}}]}
"""


def openai(base_url: str, key: str) -> Provider:
    """A language model at that server."""
    keys = {"kind": "openai", "base_url": base_url, "api_key": key, "model": "m"}
    return Provider.model_validate(keys)


async def test_a_dead_provider_is_told_with_its_address(settings: Made, examined: Examined) -> None:
    base = f"http://127.0.0.1:{free_port()}/v1"
    gpt = openai(base, "sk-secret")
    (found,) = await examined(settings(THINKING, providers={"gpt": gpt}), "providers")
    assert (found.code, found.key) == ("provider-dead", "providers.gpt")
    assert base in found.what
    assert "sk-secret" not in f"{found}"


async def test_a_wrong_key_is_told_apart(settings: Made, examined: Examined) -> None:
    async with ModelServer(["Ready."] * 3, api_key="right") as server:
        gpt = openai(server.base_url, "sk-wrong")
        (found,) = await examined(settings(THINKING, providers={"gpt": gpt}), "providers")
    assert found.code == "provider-wrong-key"
    assert "sk-wrong" not in f"{found}"


async def test_a_provider_that_answers_is_timed(settings: Made, examined: Examined) -> None:
    async with ModelServer(["Ready."] * 3) as server:
        gpt = openai(server.base_url, "k")
        (found,) = await examined(settings(THINKING, providers={"gpt": gpt}), "providers")
    # on a machine that is busy even a local model may be slow
    assert found.code in ("ok", "provider-slow")
    assert "first words after" in found.what


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "provider-wrong-key"),
        (402, "provider-no-credit"),
        (404, "provider-unknown-model"),
        (429, "provider-rate-limited"),
        (500, "provider-failed"),
    ],
)
def test_what_a_vendor_answers_has_its_own_cure(status: int, code: str) -> None:
    use = Used("voice", ProviderRef(provider="nova"), AgentSpec(), "plan/desk")
    error = refusal("nova", status, "wss://api.vendor.example")
    found = told(use, error.cause, "providers.nova")
    assert found.code == code
    assert found.what.startswith(f"nova (voice): {status} from wss://api.vendor.example")


async def test_hosted_ears_and_mouth_are_asked_over_their_own_protocol(
    settings: Made, examined: Examined
) -> None:
    async with SocketServer(Deepgram()) as server:
        keys = {"kind": "deepgram", "base_url": server.base_url, "api_key": "right"}
        good, bad = (Provider.model_validate({**keys, "api_key": k}) for k in ("right", "wrong"))
        made = settings(SPEAKING, providers={"nova": good, "lost": bad})
        found = await examined(made, "providers")
    told = {f.what.partition(":")[0]: f.code for f in found}
    assert told.pop("lost (voice)") == "provider-wrong-key"
    # on a machine that is busy even a local server may be slow
    assert set(told) == {"nova (ears)", "nova (voice)"}
    assert set(told.values()) <= {"ok", "provider-slow"}


async def test_servers_that_are_not_to_be_had_are_told(
    settings: Made, examined: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOCTOR_SECRET", raising=False)
    closed = f"127.0.0.1:{free_port()}"
    hook = Webhook.model_validate({"url": f"http://{closed}/", "secret_env": "DOCTOR_SECRET"})
    mcp = TypeAdapter(McpServers).validate_python({"gone": {"url": f"http://{closed}/mcp"}})
    async with StunStub("203.0.113.5") as stun:
        webrtc = Webrtc.model_validate({"ice_servers": [{"urls": stun.setting}]})
        made = settings(webhooks={"desk": hook}, mcp_servers=mcp, webrtc=webrtc)
        found = await examined(made, "outside")
    assert sorted(wrong(found)) == ["mcp-server-down", "webhook-secret-missing"]
    assert any(f.what.endswith("sees us at 203.0.113.5") for f in found)


async def test_a_receiver_that_fails_is_told_as_the_server_sees_it(
    settings: Made, examined: Examined
) -> None:
    made = settings()
    made.store.bundles.mkdir(parents=True)
    view = WebhookView(name="desk", url="https://x", state="failing", waiting=7, dropped=2)
    report = WebhookReport(webhooks=(view,))
    (made.store.bundles / "webhooks.json").write_text(report.model_dump_json())
    assert wrong(await examined(made, "outside")) == ["webhook-dropped", "webhook-failing"]
