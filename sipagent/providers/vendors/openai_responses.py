"""Responses: OpenAI's responses by our names: asked for, running, done, cancelled, cut."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class _Response:
    """`items` are the messages it speaks, and the bytes of each so far. `aside` ones stand beside
    the conversation, where there is nothing to cut.
    """

    answer: str
    order: Mapping[str, Any]
    aside: bool
    id: str = ""
    cancelled: bool = False
    items: dict[str, int] = field(default_factory=dict)


class Responses:
    """Of those in the conversation only one may run: the next is asked for when it is done."""

    def __init__(self, send: Callable[[Mapping[str, Any]], None], bytes_per_second: int) -> None:
        self._send = send
        self._rate = bytes_per_second
        #: asked for and not done, oldest first
        self._running: dict[str, _Response] = {}
        self._waiting: list[_Response] = []
        #: the newest that is done: it may still be playing
        self._last: dict[str, _Response] = {}

    def ask(self, answer: str, order: Mapping[str, Any]) -> None:
        """Ask for a response; `order` holds what is special about it."""
        response = _Response(answer, order, aside=order.get("conversation") == "none")
        if not response.aside and any(not other.aside for other in self._running.values()):
            self._waiting.append(response)
        else:
            self._start(response)

    def created(self, response: Mapping[str, Any]) -> None:
        """The server has begun one."""
        told = (response.get("metadata") or {}).get("answer")
        without_id = [known for known in self._running.values() if not known.id]
        found = self._running.get(told) if told else next(iter(without_id), None)
        if found is not None and not found.id:
            found.id = str(response["id"])
            if found.cancelled:
                self._cancel(found)

    def name(self, response_id: str) -> str:
        """Our name of a response, empty where it is none of ours or nobody wants it any more."""
        found = self._find(response_id)
        return "" if found is None or found.cancelled else found.answer

    def sounded(self, response_id: str, item_id: str, data: bytes) -> str:
        """A message of it sounds: what that is, and our name as `name` gives it."""
        found = self._find(response_id)
        if found is None:
            return ""
        found.items[item_id] = found.items.get(item_id, 0) + len(data)
        return self.name(response_id)

    def done(self, response_id: str) -> str:
        """The server is done with one: our name of it, empty where it was none of ours."""
        found = self._find(response_id)
        if found is None:
            return ""
        self._over(found)
        return found.answer

    def refused(self, answer: str) -> bool:
        """The server did not take our asking; False where there was none."""
        found = self._running.get(answer)
        if found is None or found.id:
            return False
        self._over(found)
        return True

    def cancel(self, answer: str) -> None:
        """Make no more of it."""
        self._waiting = [response for response in self._waiting if response.answer != answer]
        found = self._running.get(answer)
        if found is not None and not found.cancelled:
            found.cancelled = True
            if found.id:
                self._cancel(found)

    def cut(self, answer: str, played_ms: int) -> None:
        """Let the server know what was heard: the rest, and what was not heard at all, goes."""
        found = self._running.get(answer) or self._last.get(answer)
        if found is None or found.aside:
            return
        left = played_ms
        for item, size in found.items.items():
            length = size * 1000 // self._rate
            if left <= 0:
                self._send({"type": "conversation.item.delete", "item_id": item})
            elif left < length:
                self._send(
                    {
                        "type": "conversation.item.truncate",
                        "item_id": item,
                        "content_index": 0,
                        "audio_end_ms": left,
                    }
                )
            left -= length

    def _start(self, response: _Response) -> None:
        self._running[response.answer] = response
        order = {**response.order, "metadata": {"answer": response.answer}}
        self._send({"type": "response.create", "event_id": response.answer, "response": order})

    def _cancel(self, response: _Response) -> None:
        self._send({"type": "response.cancel", "response_id": response.id})

    def _over(self, response: _Response) -> None:
        del self._running[response.answer]
        if not response.aside:
            self._last = {response.answer: response}
            if self._waiting:
                self._start(self._waiting.pop(0))

    def _find(self, response_id: str) -> _Response | None:
        return next((r for r in self._running.values() if r.id and r.id == response_id), None)
