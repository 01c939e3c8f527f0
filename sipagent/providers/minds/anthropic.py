"""Minds by Anthropic's Messages API."""

from anthropic import AnthropicError, AsyncAnthropic
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.providers.anthropic import AnthropicProvider

from sipagent.agent.spec import AgentSpec

from ..kit import Kit, Options, checked
from ..trust import tls
from .language_model import LanguageModel, of_agent
from .options import HostedOptions, settings_of
from .wire import Wire, first, http_client, key_of

_ANTHROPIC = "https://api.anthropic.com"


class AnthropicOptions(HostedOptions):
    """Keys of kind `anthropic`; the environment's key is `ANTHROPIC_API_KEY`. `base_url` stands
    without the `/v1`.
    """


def wire(name: str, options: AnthropicOptions) -> Wire:
    """Raises ProviderError where a key is missing."""
    url = options.base_url or _ANTHROPIC
    client = AsyncAnthropic(
        api_key=key_of(name, options, "ANTHROPIC_API_KEY"),
        base_url=url,
        max_retries=0,
        http_client=http_client(options, url),
    )
    return Wire(
        name,
        url,
        AnthropicModel(options.model, provider=AnthropicProvider(anthropic_client=client)),
        settings_of(options),
        failures=(AnthropicError,),
        warm=lambda: first(aiter(client.models.list(limit=1))),
        aclose=client.close,
    )


def make(kit: Kit, name: str, raw: Options) -> LanguageModel:
    """See `Late`. Raises ProviderError."""
    options = checked(AnthropicOptions, name, raw)
    return of_agent(kit.spec, wire(name, options), options.stall_seconds)


def preload() -> None:
    """Do in the zygote, before it forks, what every model would do at its start."""
    tls()
    options = AnthropicOptions(model="none", base_url="http://127.0.0.1:9")
    of_agent(AgentSpec(), wire("anthropic", options), options.stall_seconds)
