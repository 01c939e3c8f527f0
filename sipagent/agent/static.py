"""Static sentences: what an agent says that stands word for word in its plan. Pure."""

from collections.abc import Iterator

from .speaking.pronouncing import pronunciation
from .speaking.sentences import SentenceSplitter
from .speaking.spec import FillerTexts, Prompts
from .spec import AgentSpec


def static_sentences(spec: AgentSpec) -> frozenset[str]:
    """As the mouth is given them: sentence by sentence, with their pronunciation.

    A text with ${...} in it becomes another one before it is spoken, and is none of these then.
    """
    spoken = pronunciation(spec.pronounce)
    return frozenset(spoken(one) for text in _texts(spec) for one in _sentences(text))


def _texts(spec: AgentSpec) -> Iterator[str]:
    yield from filter(None, (spec.greeting,))
    yield from _prompts(spec.prompts)
    yield from (intent.say for intent in spec.intents.values() if intent.say)
    yield from _fillers(spec.fillers)
    for language in spec.languages:
        yield from _prompts(language.prompts)
        if language.fillers is not None:
            yield from _fillers(language.fillers)


def _prompts(prompts: Prompts) -> Iterator[str]:
    texts = (prompts.reprompt, prompts.apology, *prompts.silence_prompt, prompts.goodbye)
    yield from filter(None, texts)


def _fillers(fillers: FillerTexts) -> Iterator[str]:
    yield from fillers.thinking
    for texts in fillers.tools.values():
        yield from texts


def _sentences(text: str) -> list[str]:
    splitter = SentenceSplitter()
    return [*splitter.feed(text), *splitter.flush()]
