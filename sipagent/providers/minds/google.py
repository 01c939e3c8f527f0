"""Minds by Google's Gemini API (generateContent, streamed)."""

from google.genai.errors import APIError
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.providers.google import GoogleProvider

from sipagent.agent.spec import AgentSpec

from ..kit import Kit, Options, checked
from ..trust import tls
from .language_model import LanguageModel, of_agent
from .options import HostedOptions, settings_of
from .wire import Wire, http_client, key_of

_GOOGLE = "https://generativelanguage.googleapis.com"


class GoogleOptions(HostedOptions):
    """Keys of kind `google`; the environment's key is `GOOGLE_API_KEY` or `GEMINI_API_KEY`.
    `base_url` stands without the version.
    """


def wire(name: str, options: GoogleOptions) -> Wire:
    """Raises ProviderError where a key is missing."""
    url = options.base_url or _GOOGLE
    key = key_of(name, options, "GOOGLE_API_KEY", "GEMINI_API_KEY")
    http = http_client(options, url)
    provider = GoogleProvider(api_key=key, base_url=url, http_client=http)
    models = provider.client.aio.models
    return Wire(
        name,
        url,
        GoogleModel(options.model, provider=provider),
        settings_of(options),
        failures=(APIError,),
        warm=lambda: models.get(model=options.model),
        aclose=http.aclose,
    )


def make(kit: Kit, name: str, raw: Options) -> LanguageModel:
    """See `Late`. Raises ProviderError."""
    options = checked(GoogleOptions, name, raw)
    return of_agent(kit.spec, wire(name, options), options.stall_seconds)


def preload() -> None:
    """Do in the zygote, before it forks, what every model would do at its start."""
    tls()
    options = GoogleOptions(model="none", base_url="http://127.0.0.1:9")
    of_agent(AgentSpec(), wire("google", options), options.stall_seconds)
