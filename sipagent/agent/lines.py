"""A conversation as lines of text, for whoever was not there. Pure."""

from collections.abc import Iterable, Sequence

from .conversation import Message

#: characters; the end of a talk tells more than its beginning
TAIL = 1_500


def lines_of(messages: Iterable[Message]) -> tuple[str, ...]:
    """What was said, pressed and found out, in order; notes for the model are left out."""
    return tuple(line for message in messages if (line := _line(message)))


def tail(lines: Sequence[str], limit: int = TAIL) -> str:
    """The newest lines that fit into `limit` characters; the newest one in part, if need be."""
    kept: list[str] = []
    left = limit
    for line in reversed(lines):
        if len(line) + 1 > left:
            break
        kept.append(line)
        left -= len(line) + 1
    if not kept and lines:
        kept = [lines[-1][:limit]]
    return "\n".join(reversed(kept))


def _line(message: Message) -> str:
    match message.role:
        case "caller":
            keys = f"(pressed {message.digits})" if message.digits else ""
            text = " ".join(filter(None, [keys, message.text]))
        case "tool":
            text = f"{message.tool}: {message.text}" if message.text else ""
        case "agent":
            text = message.text
        case "system":
            text = ""
    return f"{message.role}: {text}" if text else ""
