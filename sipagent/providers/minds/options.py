"""What every language model can be told in sipagent.yaml or a plan."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr
from pydantic_ai.settings import ModelSettings

Thinking = Literal["off", "minimal", "low", "medium", "high"]


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{text!r} is not http://host[:port]/path or https://host/path")
    if parts.username is not None:
        raise ValueError("a key belongs into api_key, not into base_url")
    return text


BaseUrl = Annotated[str, AfterValidator(_base_url)]


class ModelOptions(BaseModel):
    """Keys of every kind. What is None is left to the model's own default."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    model: str = Field(min_length=1)
    api_key: SecretStr | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    max_tokens: int | None = Field(default=None, ge=1, description="of one answer")
    thinking: Thinking | None = Field(
        default=None, description="before it answers, which callers wait for: off is the fastest"
    )
    service_tier: Literal["auto", "default", "flex", "priority"] | None = Field(
        default=None, description="what the vendor charges for being sooner"
    )
    cache: bool = Field(default=True, description="let the vendor keep the prompt between turns")
    first_token_seconds: float = Field(default=8.0, gt=0, description="longest wait for a word")
    stall_seconds: float = Field(default=5.0, gt=0, description="longest silence between words")


class HostedOptions(ModelOptions):
    """And of those whose server can be another one. Without `base_url` it is the vendor itself,
    and the vendor's environment variable serves where no key is given; that key is never sent
    anywhere else.
    """

    base_url: BaseUrl | None = Field(default=None, description="where the API begins")


def settings_of(options: ModelOptions) -> ModelSettings:
    """The same for pydantic-ai. Nothing is retried there: the agent decides that."""
    settings = ModelSettings(first_event_timeout=options.first_token_seconds, max_retries=0)
    if options.temperature is not None:
        settings["temperature"] = options.temperature
    if options.top_p is not None:
        settings["top_p"] = options.top_p
    if options.presence_penalty is not None:
        settings["presence_penalty"] = options.presence_penalty
    if options.frequency_penalty is not None:
        settings["frequency_penalty"] = options.frequency_penalty
    if options.max_tokens is not None:
        settings["max_tokens"] = options.max_tokens
    if options.thinking is not None:
        settings["thinking"] = False if options.thinking == "off" else options.thinking
    if options.service_tier is not None:
        settings["service_tier"] = options.service_tier
    if options.cache:
        settings["cache"] = True
    return settings
