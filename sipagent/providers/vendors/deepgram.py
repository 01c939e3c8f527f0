"""Deepgram's ears: Nova live transcription (`/v1/listen`) and Flux (`/v2/listen`).

https://developers.deepgram.com/reference/speech-to-text
"""

from pydantic import BaseModel, ConfigDict, Field

from sipagent.agent.protocols import Transcriber

from ..kit import Kit, Options, checked
from ..trust import tls
from .account import Account
from .deepgram_flux import Flux, FluxOptions
from .deepgram_nova import Nova, NovaOptions
from .streamed_ears import StreamedEars

BASE, VARIABLE = "wss://api.deepgram.com", "DEEPGRAM_API_KEY"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")
    model: str = Field(default="nova-3", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")


def ears(kit: Kit, name: str, raw: Options) -> Transcriber:
    """Ears of kind `deepgram`: Flux where `model` begins with `flux`. Raises ProviderError."""
    if checked(_Model, name, raw).model.startswith("flux"):
        flux = checked(FluxOptions, name, raw)
        account = Account.of(name, flux, BASE, VARIABLE)
        return StreamedEars(Flux(account, flux, kit), flux.final_seconds)
    nova = checked(NovaOptions, name, raw)
    account = Account.of(name, nova, BASE, VARIABLE)
    return StreamedEars(Nova(account, nova, kit), nova.final_seconds)


def preload() -> None:
    """Read the trusted roots before the fork."""
    tls()
