"""Minds of all other vendors that pydantic-ai knows, by its names: `groq:llama-3.3-70b`."""

from functools import partial
from typing import Any

from pydantic import Field, field_validator
from pydantic_ai.exceptions import UserError
from pydantic_ai.models import infer_model
from pydantic_ai.providers import Provider, infer_provider, infer_provider_class

from sipagent.errors import ProviderError

from ..kit import Kit, Options, checked
from ..trust import tls
from .language_model import LanguageModel, of_agent
from .options import ModelOptions, settings_of
from .wire import Wire


class NamedOptions(ModelOptions):
    """Keys of kind `pydantic-ai`. Without `api_key` the vendor's environment variable serves."""

    model: str = Field(description="vendor:model, as pydantic-ai names them")

    @field_validator("model")
    @classmethod
    def _names_a_vendor(cls, text: str) -> str:
        vendor, colon, model = text.partition(":")
        if not (vendor and colon and model):
            raise ValueError(f"{text!r} is not vendor:model")
        return text


def wire(name: str, options: NamedOptions) -> Wire:
    """Raises ProviderError where there is no such vendor, its key is missing, or its library."""
    key = options.api_key
    secret = None if key is None else key.get_secret_value()
    try:
        model = infer_model(options.model, partial(_provider, secret))
    except (UserError, ValueError, TypeError) as error:
        raise ProviderError(name, _short(error, secret), retryable=False) from error
    except ImportError as error:
        vendor = options.model.partition(":")[0]
        cause = f"needs a library: pip install 'pydantic-ai-slim[{vendor}]'"
        raise ProviderError(name, cause, retryable=False) from error
    return Wire(
        name,
        model.base_url or options.model.partition(":")[0],
        model,
        settings_of(options),
        warm=model.__aenter__,
        aclose=partial(model.__aexit__, None, None, None),
    )


def make(kit: Kit, name: str, raw: Options) -> LanguageModel:
    """See `Late`. Raises ProviderError."""
    options = checked(NamedOptions, name, raw)
    return of_agent(kit.spec, wire(name, options), options.stall_seconds)


def preload() -> None:
    """What all vendors share; each one's own library is loaded by the first call that asks it."""
    tls()


def _provider(key: str | None, vendor: str) -> Provider[Any]:
    if key is None:
        return infer_provider(vendor)
    # not all vendors are reached by one key; those that are not say so with a TypeError
    made: Any = infer_provider_class(vendor)
    provider: Provider[Any] = made(api_key=key)
    return provider


def _short(error: Exception, key: str | None) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text.replace(key, "***") if key else text
