"""The conversation as a language model reads it: pydantic-ai messages from ours."""

from collections.abc import Iterator, Sequence

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ModelResponsePart,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from sipagent.agent.conversation import Message

#: told after the agent's own prompt, since only this module knows how it writes such things
NOTATION = (
    "You are on a telephone call: answer in short spoken sentences, without lists or markup. "
    'Text in square brackets is a note about the call, never spoken: "[keys pressed: 12]" are keys '
    'on the caller\'s phone, "[cut you off]" means that the caller heard your previous message '
    'only as far as it stands here, "[unclear]" that the words after it may have been others: ask '
    'before you act on them, "[not understood]" that the caller said something else. Never write '
    "such notes yourself."
)
CUT_OFF = "[cut you off]"
#: below `SURE` what was heard may have been something else; below `GUESSED` it is nothing to go by
SURE, GUESSED = 0.8, 0.5
UNCLEAR, NOT_UNDERSTOOD = "[unclear]", "[not understood]"
UNFINISHED = "This did not finish: the caller spoke before there was a result."


def to_model(
    messages: Sequence[Message], prompt: str | None, *, written: bool = False
) -> list[ModelMessage]:
    """Messages in the order servers insist on.

    Every tool that was asked for is answered, right after the message that asked; results
    nobody asked for are left out. What the caller never heard of an interrupted message is not
    there, and the caller's next words say that they cut it off. `written`: the answer is not
    spoken, so the prompt stands alone.
    """
    results = {m.tool_call_id: m for m in messages if m.role == "tool"}
    text = "\n\n".join(filter(None, [prompt, "" if written else NOTATION]))
    parts: list[ModelRequestPart] = [SystemPromptPart(text)]
    history: list[ModelMessage] = []
    cut = False
    for message in messages:
        match message.role:
            case "system":
                # a note, and where it came: servers want one system prompt and a user's words
                parts.append(UserPromptPart(f"[{message.text}]"))
            case "caller":
                parts.append(UserPromptPart(_heard(message, cut)))
                cut = False
            case "agent":
                cut = cut or message.interrupted
                said = list(_said(message))
                if said:
                    history += [ModelRequest(parts), ModelResponse(said)]
                    parts = [
                        _result(call.tool_call_id, call.tool_name, results) for call in _calls(said)
                    ]
    return [m for m in [*history, ModelRequest(parts)] if m.parts]


def _heard(message: Message, cut: bool) -> str:
    keys = f"[keys pressed: {message.digits}]" if message.digits else ""
    return " ".join(filter(None, [CUT_OFF if cut else "", keys, _words(message)]))


def _words(message: Message) -> str:
    if message.sounds and not message.text:
        # another mind heard it for itself, and its words never came
        return NOT_UNDERSTOOD
    if not message.text or message.confidence is None or message.confidence >= SURE:
        return message.text
    return f"{UNCLEAR} {message.text}" if message.confidence >= GUESSED else NOT_UNDERSTOOD


def _said(message: Message) -> Iterator[ModelResponsePart]:
    if message.text:
        yield TextPart(message.text)
    for request in message.requests:
        yield ToolCallPart(request.name, request.arguments, request.id)


def _calls(parts: Sequence[ModelResponsePart]) -> Iterator[ToolCallPart]:
    return (part for part in parts if isinstance(part, ToolCallPart))


def _result(call_id: str, tool: str, results: dict[str, Message]) -> ToolReturnPart:
    found = results.get(call_id)
    if found is None:
        return ToolReturnPart(tool, UNFINISHED, call_id)
    return ToolReturnPart(tool, found.text if found.ok else f"Failed: {found.text}", call_id)
