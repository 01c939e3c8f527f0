"""What a session has to be told of the conversation, and how it is put. Pure."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from ..conversation import CallRequest, Message
from .model import Whose

#: told after the agent's own prompt
NOTATION = (
    "You are on a telephone call: answer in short spoken sentences. Text in square brackets is a "
    'note about the call, never to be spoken: "[keys pressed: 12]" are keys on the caller\'s '
    'phone, "[cut off after: ...]" means that the caller heard '
    "your last words only that far."
)
NOT_UNDERSTOOD = "[not understood]"
#: of a talk that goes on in another session only so much is told
_MESSAGES, _CHARACTERS = 60, 12_000


@dataclass(frozen=True, slots=True)
class Text:
    """To be told as text."""

    whose: Whose
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """The caller's own voice, to be heard by a session that has not heard it yet."""

    sound: str


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool returned that this session has asked for."""

    call_id: str
    text: str


ToTell = Text | Said | Result


def instructions(prompt: str | None) -> str:
    """The agent's prompt, and how notes are written."""
    return f"{prompt}\n\n{NOTATION}" if prompt else NOTATION


def to_tell(
    messages: Sequence[Message],
    *,
    known: Collection[str],
    kept: Collection[str],
    asked: Collection[str],
) -> list[ToTell]:
    """Messages a session has not been told, in order.

    `known` are the sounds and answers it has itself heard or made, `kept` the caller's sounds
    that can be played to it, `asked` the ids of the tools it waits for.
    """
    telling: list[ToTell] = []
    for message in messages:
        telling += _one(message, known, kept, asked)
    return telling


def recent(messages: Sequence[Message]) -> Sequence[Message]:
    """As much of a conversation as another session is told: the newest of it."""
    left, first = _CHARACTERS, len(messages)
    while first > 0 and len(messages) - first < _MESSAGES and left > 0:
        first -= 1
        left -= len(messages[first].text)
    return messages[first:]


def cut_off(answer: str, messages: Sequence[Message]) -> str:
    """A note of how much of an answer was heard."""
    heard = next((m.text for m in messages if answer in m.sounds), "")
    return f"[cut off after: {heard}]" if heard else "[cut off before anything was heard]"


def _one(
    message: Message, known: Collection[str], kept: Collection[str], asked: Collection[str]
) -> Iterator[ToTell]:
    unknown = [sound for sound in message.sounds if sound not in known]
    match message.role:
        case "system":
            yield Text("system", f"[{message.text}]")
        case "caller":
            yield from _caller(message, unknown, kept)
        case "agent":
            if message.text and (unknown or not message.sounds):
                yield Text("agent", message.text)
            others = (request for request in message.requests if request.id not in asked)
            yield from (Text("system", _request(request)) for request in others)
        case "tool":
            text = message.text if message.ok else f"Failed: {message.text}"
            if message.tool_call_id in asked:
                yield Result(message.tool_call_id, text)
            else:
                yield Text("system", f"[{message.tool} returned: {text}]")


def _caller(message: Message, unknown: Sequence[str], kept: Collection[str]) -> Iterator[ToTell]:
    if message.digits:
        yield Text("caller", f"[keys pressed: {message.digits}]")
    if not message.sounds:
        if message.text:
            yield Text("caller", message.text)
    elif unknown and all(sound in kept for sound in unknown):
        yield from (Said(sound) for sound in unknown)
    elif unknown:
        yield Text("caller", message.text or NOT_UNDERSTOOD)


def _request(request: CallRequest) -> str:
    return f"[you used {request.name} with {json.dumps(request.arguments)}]"
