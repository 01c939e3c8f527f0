"""What a scripted model server answers, whatever protocol it speaks, and what it was asked."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

Body = Mapping[str, Any]
When = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One tool call of a reply. `arguments` are sent as they are, well formed or not, where the
    protocol sends them as text.
    """

    name: str
    arguments: str = "{}"
    id: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens a reply is said to have taken; `cached` is part of `input`. Output tokens are the
    words.
    """

    input: int = 10
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answers once.

    With `when`, the reply is for the next request whose last message satisfies it; without, for
    the next request that no `when` claims. Times are seconds, `math.inf` waits for the client to
    give up. After so many tokens `drop_after` cuts the connection, `hold_after` falls silent,
    `spoil_after` sends what is not of the protocol and `fail_after` an error inside the stream.
    """

    text: str = ""
    tools: Sequence[ToolUse] = ()
    status: int = 200
    retry_after: int | None = None
    stall: float = 0.0
    pace: float = 0.0
    drop_after: int | None = None
    hold_after: int | None = None
    spoil_after: int | None = None
    fail_after: int | None = None
    usage: Usage = Usage()
    when: When | None = None

    @property
    def words(self) -> list[str]:
        """The text's tokens: words with the space after them."""
        words = self.text.split(" ") if self.text else []
        return [w if i == len(words) - 1 else w + " " for i, w in enumerate(words)]


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came. `connection` counts TCP connections from 1."""

    path: str
    headers: Mapping[str, str]
    body: Body
    connection: int

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The `messages` of a chat completion."""
        return list(self.body.get("messages", []))


@dataclass(slots=True)
class Script:
    """The replies still to come, and then `again` and again."""

    replies: list[Reply]
    again: Reply = Reply(status=500)

    def take(self, last: Mapping[str, Any]) -> Reply:
        """The reply to a request with this last message."""
        for reply in self.replies:
            if reply.when is not None and reply.when(last):
                break
        else:
            reply = next((r for r in self.replies if r.when is None), None) or self.again
        with suppress(ValueError):
            self.replies.remove(reply)
        return reply


def thirds(text: str) -> list[str]:
    """A text in three pieces, as arguments are streamed."""
    size = len(text) // 3 + 1
    return [text[start : start + size] for start in range(0, len(text), size)]
