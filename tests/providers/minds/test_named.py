"""Minds of vendors that only pydantic-ai knows."""

import pytest
from pydantic import SecretStr

from sipagent.agent.spec import ProviderRef
from sipagent.config import Settings
from sipagent.errors import ProviderError
from sipagent.providers.late import Late
from sipagent.providers.minds.named import NamedOptions, wire
from sipagent.providers.registry import resolve


def test_a_model_is_named_with_its_vendor() -> None:
    made = wire("fast", NamedOptions(model="deepseek:deepseek-chat", api_key=SecretStr("k")))
    assert made.model.model_name == "deepseek-chat"
    assert made.url.startswith("https://api.deepseek.com")


@pytest.mark.parametrize(
    ("model", "key", "said"),
    [
        ("deepseek:deepseek-chat", None, "DEEPSEEK_API_KEY"),
        ("nobody:model", None, "nobody"),
        ("nobody:model", "k", "nobody"),
        ("groq:llama-3.3-70b-versatile", "k", "pip install 'pydantic-ai-slim[groq]'"),
    ],
)
def test_a_model_that_cannot_be_had_is_told_with_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, model: str, key: str | None, said: str
) -> None:
    monkeypatch.delenv("DEEPSEEK_API_KEY", raising=False)
    secret = None if key is None else SecretStr(key)
    with pytest.raises(ProviderError) as caught:
        wire("fast", NamedOptions(model=model, api_key=secret))
    assert said in caught.value.cause
    assert not caught.value.retryable


def test_a_library_that_is_not_installed_is_told_with_what_to_install() -> None:
    late: Late[object] = Late("no_such_library", extra="anthropic")
    with pytest.raises(ProviderError, match=r"no_such_library: pip install 'sipagent.anthropic.'"):
        late("kit", "claude", {})


@pytest.mark.parametrize(
    ("model", "refused"), [("deepseek:other", False), ("openrouter:x", True), ("x", True)]
)
def test_a_plan_cannot_send_a_key_to_another_vendor(model: str, refused: bool) -> None:
    known = {"kind": "pydantic-ai", "model": "deepseek:deepseek-chat", "api_key": "k"}
    settings = Settings.model_validate({"providers": {"fast": known}})
    ref = ProviderRef.model_validate({"provider": "fast", "model": model})
    if not refused:
        assert resolve(ref, settings)[1]["model"] == model
        return
    with pytest.raises(ProviderError, match="to another vendor"):
        resolve(ref, settings)
