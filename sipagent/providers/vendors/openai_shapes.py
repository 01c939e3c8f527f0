"""Shapes of OpenAI's Realtime API: options, the session, tools, usage and errors. Pure."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from sipagent.agent.protocols import ToolCall, Used
from sipagent.agent.realtime.model import Asked, ModelEvent, Setup
from sipagent.errors import ProviderError

from .account import Account, VendorOptions
from .line_audio import G711_RATE, Encoding, Format

_PCM = Format("pcm", 24_000)


class OpenAiRealtimeOptions(VendorOptions):
    """Keys of `kind: openai-realtime`; names are the API's own where it has them."""

    model: str
    voice: str = "marin"
    speed: float | None = Field(default=None, ge=0.25, le=1.5)
    audio: Literal["auto", "pcmu", "pcma", "pcm"] = Field(
        default="auto", description="encoding on the connection; auto: pcmu on an 8 kHz call"
    )
    transcription: str | None = Field(
        default="gpt-4o-mini-transcribe",
        description="model that writes down what the caller says; null: nobody does",
    )
    language: str | None = Field(default=None, description="of the caller, ISO 639-1")
    max_output_tokens: int | None = Field(default=None, ge=1, le=4096)
    first_token_seconds: float = Field(default=5.0, gt=0, description="longest wait for a word")
    stall_seconds: float = Field(default=4.0, gt=0, description="longest silence between words")
    reasoning_effort: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None
    noise_reduction: Literal["near_field", "far_field"] | None = None


def session_of(
    options: OpenAiRealtimeOptions, form: Format, language: str, setup: Setup
) -> dict[str, Any]:
    """`session` of a `session.update`; `language` of the caller, ISO 639-1, or empty."""
    transcription: dict[str, Any] | None = None
    if options.transcription is not None:
        transcription = {"model": options.transcription}
        if language:
            transcription["language"] = language
    heard = {
        "format": _named(form),
        "transcription": transcription,
        "turn_detection": None,
        "noise_reduction": _kind(options.noise_reduction),
    }
    spoken: dict[str, Any] = {"format": _named(form), "voice": options.voice}
    if options.speed is not None:
        spoken["speed"] = options.speed
    session: dict[str, Any] = {
        "type": "realtime",
        "instructions": setup.prompt,
        "output_modalities": ["audio"],
        "audio": {"input": heard, "output": spoken},
        "tools": tools_of(setup),
        "tool_choice": "auto",
    }
    if options.max_output_tokens is not None:
        session["max_output_tokens"] = options.max_output_tokens
    if options.reasoning_effort is not None:
        session["reasoning"] = {"effort": options.reasoning_effort}
    return session


def error_of(account: Account, error: Any) -> ProviderError:
    """What an `error` of the API means."""
    told = error if isinstance(error, Mapping) else {}
    code, said = str(told.get("code") or told.get("type") or ""), str(told.get("message") or "")
    match code:
        case "invalid_api_key":
            return account.refusal(401, said)
        case "model_not_found":
            return account.refusal(404, said)
        case "rate_limit_exceeded" | "rate_limit_error" | "insufficient_quota":
            return account.refusal(429, said)
        case "server_error" | "internal_error":
            return account.refusal(500, said)
        case "session_expired":
            return account.closed(1001, said)
    return account.refusal(400, f"{code}: {said}" if code else said)


def format_of(audio: Literal["auto"] | Encoding, rate: int) -> Format:
    """How audio goes over the connection of a call of `rate` Hz."""
    encoding = audio
    if encoding == "auto":
        encoding = "pcmu" if rate == G711_RATE else "pcm"
    return _PCM if encoding == "pcm" else Format(encoding, G711_RATE)


def _named(form: Format) -> dict[str, Any]:
    kind: dict[str, Any] = {"type": f"audio/{form.encoding}"}
    return {**kind, "rate": form.rate} if form.encoding == "pcm" else kind


def _kind(value: str | None) -> dict[str, str] | None:
    return None if value is None else {"type": value}


def used_of(model: str, usage: Mapping[str, Any]) -> Used:
    """The `usage` of a response."""
    heard = usage.get("input_token_details") or {}
    made = usage.get("output_token_details") or {}
    return Used(
        model,
        int(usage.get("input_tokens") or 0),
        int(usage.get("output_tokens") or 0),
        int(heard.get("cached_tokens") or 0),
        int(heard.get("audio_tokens") or 0),
        int(made.get("audio_tokens") or 0),
    )


def tools_of(setup: Setup) -> list[dict[str, Any]]:
    """`tools` of a session."""
    return [
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": dict(tool.parameters),
        }
        for tool in setup.tools
    ]


def asked_of(answer: str, item: Mapping[str, Any]) -> list[ModelEvent]:
    """A `function_call` item of an answer; nothing of any other."""
    if item["type"] != "function_call" or item.get("status") == "incomplete":
        return []
    raw = str(item.get("arguments") or "{}")
    try:
        arguments = json.loads(raw)
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        arguments = {"_malformed": raw}
    return [Asked(answer, ToolCall(str(item["call_id"]), str(item["name"]), arguments))]
