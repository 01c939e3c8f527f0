"""What a plan says of an agent's speech: hints, pronunciation, languages and fillers."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

from ..parts import Part, Words


class Pronunciation(Part):
    """`{replace: SIP, with: sip}`: how a written word is given to the mouth (SWML `pronounce`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    replace: str = Field(min_length=1, description="a whole word, or several, as it is written")
    spoken: str = Field(alias="with", description="what the mouth is given instead")
    ignore_case: bool = True


def _plain(value: Any) -> Any:
    """A lone list serves wherever there is something to wait for."""
    if isinstance(value, str | list | tuple):
        return {"thinking": value, "tools": {"default": value}}
    return value


class FillerTexts(Part):
    """What is said while the caller would wait in silence."""

    thinking: Words = Field(default=(), description="while the mind is slow")
    tools: Mapping[str, Words] = Field(
        default_factory=dict,
        description="while a tool runs, by its name; `default` for those not named",
    )


Fillers = Annotated[
    FillerTexts,
    BeforeValidator(_plain, json_schema_input_type=FillerTexts | str | tuple[str, ...]),
]


class Prompts(Part):
    """What is said, word for word, where the mind has nothing to say; empty: see `over`."""

    reprompt: str = ""
    apology: str = ""
    silence_prompt: Words = Field(default=(), description="of a list one after the other")
    goodbye: str = Field(default="", description="when the budget is spent")

    def over(self, others: "Prompts") -> "Prompts":
        """These, and of the others what is empty here."""
        own = {name: text for name in type(self).model_fields if (text := getattr(self, name))}
        return others.model_copy(update=own)


class Language(Part):
    """One of the languages an agent speaks (SWML `languages`); the first is what it begins in."""

    name: str = Field(min_length=1, description="as a person says it: English")
    code: str = Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", description="BCP 47: en-GB")
    voice: str = Field(default="", description="the provider's name of a voice; default: its own")
    provider: str | None = Field(
        default=None, description="speaks this language instead of the agent's voice"
    )
    fillers: Fillers | None = Field(default=None, description="instead of the agent's")
    prompts: Prompts = Field(default=Prompts(), description="instead of the agent's")
