"""change_language: the tool by which an agent goes on in another of its languages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sipagent.call.control import CallControl
from sipagent.events import LanguageChanged
from sipagent.tools.spec import ToolResult, ToolSpec

from .manner import Manner

CHANGE_LANGUAGE = "change_language"


@dataclass(frozen=True, slots=True)
class ChangeLanguage:
    """Ears and mouth follow with the next thing that is said."""

    manner: Manner

    @property
    def tool(self) -> ToolSpec:
        """As the model sees it."""
        names = [one.name for one in self.manner.languages]
        language = {"type": "string", "enum": names}
        return ToolSpec(
            name=CHANGE_LANGUAGE,
            description="Go on in another language, when the caller speaks it or asks for it: "
            "call this first, then answer in that language. Until then you are heard, and "
            f"understand, in {names[0]} only.",
            parameters={
                "type": "object",
                "properties": {"language": language},
                "required": ["language"],
                "additionalProperties": False,
            },
            invoke=self.invoke,
        )

    async def invoke(self, arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        """Speak it from now on; the model reads which there are where it is none of them."""
        wanted = arguments.get("language")
        found = self.manner.change(wanted) if isinstance(wanted, str) else None
        if found is None:
            known = ", ".join(one.name for one in self.manner.languages)
            return ToolResult(f"You speak: {known}.", ok=False)
        control.call.emit(LanguageChanged, language=found.code, voice=found.voice)
        return ToolResult(f"You are heard in {found.name} now: answer in {found.name}.")
