"""Settings of SWML: what another platform's names of models and voices mean here."""

from pydantic import Field

from sipagent.agent.refs import ProviderRef, Providers

from .parts import Part


class Swml(Part):
    """Agents written as an SWML `ai` object. A document names models and voices; it cannot name
    servers or keys: what is not found here or under `providers:` is spoken and thought by the
    defaults.
    """

    brain: Providers | None = Field(
        default=None, description="default: the first language model under providers"
    )
    ears: Providers | None = Field(default=None, description="default: the embedded ones")
    voice: Providers | None = Field(default=None, description="default: the embedded one")
    models: dict[str, ProviderRef] = Field(
        default_factory=dict,
        description="by the document's name of a model: {gpt-4o-mini: {provider: fast}}",
    )
    voices: dict[str, ProviderRef] = Field(
        default_factory=dict,
        description="by the document's name of a voice, or by its engine: "
        "{elevenlabs.rachel: {provider: warm, voice: ...}}",
    )
