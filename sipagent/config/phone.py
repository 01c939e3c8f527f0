"""Settings of phones of our own, and of where they may register."""

from pydantic import Field, SecretStr, model_validator

from sipagent.call.dial import DtmfMode

from .parts import Part


class Phone(Part):
    """A softphone of ours: it proves itself by digest, may then call the dialplan, and can be
    called. Its name under `phones` is its extension.
    """

    password: SecretStr
    display_name: str = ""
    dtmf: DtmfMode | None = Field(default=None, description="default: media.dtmf")


class Registrar(Part):
    """Where our phones can be reached: what they may register, and whom they may call."""

    min_expires: int = Field(default=60, ge=1, description="seconds; a shorter wish gets 423")
    max_expires: int = Field(default=3600, ge=1, description="seconds; a longer wish gets this")
    contacts: int = Field(
        default=5, ge=1, le=20, description="places one extension rings at; above: oldest goes"
    )
    internal_calls: bool = Field(
        default=False,
        description="phones reach each other by extension where no dialplan takes the number",
    )

    @model_validator(mode="after")
    def _ordered(self) -> "Registrar":
        if self.min_expires > self.max_expires:
            raise ValueError("min_expires must not be more than max_expires")
        return self
