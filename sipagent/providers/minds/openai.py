"""Minds by OpenAI's API, of OpenAI itself or of any server that speaks it."""

from typing import Literal

from openai import AsyncOpenAI, OpenAIError
from pydantic import Field
from pydantic_ai.models import Model
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

from sipagent.agent.spec import AgentSpec

from ..kit import Kit, Options, checked
from ..trust import tls
from .language_model import LanguageModel, of_agent
from .options import HostedOptions, settings_of
from .wire import Wire, first, http_client, key_of

_OPENAI = "https://api.openai.com/v1"


class OpenAIOptions(HostedOptions):
    """Keys of kind `openai`; the environment's key is `OPENAI_API_KEY`."""

    api: Literal["chat", "responses"] = Field(
        default="chat", description="Chat Completions, which all servers have, or Responses"
    )


def wire(name: str, options: OpenAIOptions) -> Wire:
    """Raises ProviderError where a key is missing."""
    url = options.base_url or _OPENAI
    client = AsyncOpenAI(
        api_key=key_of(name, options, "OPENAI_API_KEY"),
        base_url=url,
        max_retries=0,
        http_client=http_client(options, url),
    )
    return Wire(
        name,
        url,
        _model(name, options, client),
        settings_of(options),
        failures=(OpenAIError,),
        warm=lambda: first(aiter(client.models.list())),
        aclose=client.close,
    )


def make(kit: Kit, name: str, raw: Options) -> LanguageModel:
    """See `Late`. Raises ProviderError."""
    options = checked(OpenAIOptions, name, raw)
    return of_agent(kit.spec, wire(name, options), options.stall_seconds)


def preload() -> None:
    """Do in the zygote, before it forks, what every model would do at its start.

    Opens nothing: no socket, no thread, no loop.
    """
    tls()
    options = OpenAIOptions(model="none", base_url="http://127.0.0.1:9/v1")
    of_agent(AgentSpec(), wire("openai", options), options.stall_seconds)


def _model(name: str, options: OpenAIOptions, client: AsyncOpenAI) -> Model:
    if options.base_url is None:
        own = OpenAIProvider(openai_client=client)
        if options.api == "responses":
            return OpenAIResponsesModel(options.model, provider=own)
        return OpenAIChatModel(options.model, provider=own)
    # the older, wider understood dialect: max_tokens, tools without "strict"
    profile = OpenAIModelProfile(
        openai_chat_supports_max_completion_tokens=False,
        openai_supports_strict_tool_definition=False,
    )
    other = OpenAICompatibleProvider(name, openai_client=client, profile=profile)
    if options.api == "responses":
        return OpenAIResponsesModel(options.model, provider=other)
    return OpenAIChatModel(options.model, provider=other)
