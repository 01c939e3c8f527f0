"""Dialect: how one vendor's model API is asked and how it streams an answer."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..model_script import Reply, Request


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event (HTML standard section 9.2). `token`: pace and faults count it."""

    data: Mapping[str, Any] | str
    name: str = ""
    token: bool = False

    @property
    def encoded(self) -> bytes:
        """As it stands on the wire."""
        text = self.data if isinstance(self.data, str) else json.dumps(self.data)
        head = f"event: {self.name}\n" if self.name else ""
        return f"{head}data: {text}\n\n".encode()


class Dialect(Protocol):
    """One instance serves all servers: it has no state."""

    #: what a client's `base_url` ends in
    prefix: str

    def is_asked(self, request: Request) -> bool:
        """Is it a request for a streamed answer?"""
        ...

    def key(self, request: Request) -> str:
        """The key it came with."""
        ...

    def last(self, request: Request) -> Mapping[str, Any]:
        """The newest message."""
        ...

    def answer(self, reply: Reply, request: Request) -> Iterator[Event]:
        """The stream of an answer."""
        ...

    def failed(self) -> Event:
        """An error in the middle of a stream."""
        ...

    def refusal(self, status: int) -> tuple[int, Mapping[str, Any]]:
        """Status and body of an answer that is none."""
        ...

    def models(self) -> Mapping[str, Any]:
        """What is said of the models there are."""
        ...
