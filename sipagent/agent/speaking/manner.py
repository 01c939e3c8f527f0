"""Manner: how the agent speaks at present: in which language and voice, and its pronunciation."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from ..protocols import OWN_TONGUE, Expectation, Tongue
from .phone_numbers import phone_numbers
from .pronouncing import pronunciation
from .spec import FillerTexts, Language, Prompts, Pronunciation


class Manner:
    """One a talk. It begins in the first of its languages, or in the mouth's own."""

    def __init__(
        self,
        languages: Sequence[Language] = (),
        pronounce: Sequence[Pronunciation] = (),
        fillers: FillerTexts | None = None,
        prompts: Prompts | None = None,
        *,
        numbers: Literal["international", "national"] = "international",
    ) -> None:
        self.languages = tuple(languages)
        self.language = self.languages[0] if self.languages else None
        #: a voice in the place of the language's, until another language is spoken
        self.voice = ""
        self._pronounced = pronunciation(pronounce)
        self._numbered = phone_numbers(numbers)
        self._fillers = fillers or FillerTexts()
        self._prompts = prompts or Prompts()

    def spoken(self, text: str) -> str:
        """A text as the mouth is to be given it."""
        return self._pronounced(self._numbered(text))

    @property
    def tongue(self) -> Tongue:
        """For the mouth."""
        if self.language is None:
            return Tongue(voice=self.voice) if self.voice else OWN_TONGUE
        return Tongue(self.language.code, self.voice or self.language.voice)

    def heard(self, expected: Expectation) -> Expectation:
        """What is expected of the caller, in the language that is spoken."""
        if self.language is None or expected.language:
            return expected
        return replace(expected, language=self.language.code)

    @property
    def fillers(self) -> FillerTexts:
        """Those of the language, or of the agent."""
        own = None if self.language is None else self.language.fillers
        return self._fillers if own is None else own

    @property
    def prompts(self) -> Prompts:
        """Those of the language, and of the agent what it has none of."""
        own = self.language
        return self._prompts if own is None else own.prompts.over(self._prompts)

    def change(self, wanted: str) -> Language | None:
        """Speak the language of this name or code from now on; None where there is none.

        A bare code fits its first variant: `es` means `es-ES`.
        """
        wanted = wanted.strip().casefold()
        exact = [
            one for one in self.languages if wanted in (one.name.casefold(), one.code.casefold())
        ]
        near = [one for one in self.languages if one.code.casefold().split("-")[0] == wanted]
        found = next(iter([*exact, *near]), None)
        if found is not None:
            self.language, self.voice = found, ""
        return found
