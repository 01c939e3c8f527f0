"""A receiver of webhooks as the standard has it: it believes signatures only, and counts by id."""

import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sipagent.app.hooks import Webhooks
from sipagent.config import Webhook
from sipagent.events import CallEnded, CallStarted, Event, Said, WebhookChanged
from sipagent.testing.mortal import until
from sipagent.testing.web_server import Answer, Question, WebServer

SECRET = "a secret of some length"


@dataclass
class Receiver:
    """Answers as told by `answer`; keeps what it took, in order, and every attempt."""

    answer: Callable[[Question], Answer | AsyncIterator[bytes]] = lambda question: Answer(204)
    attempts: list[tuple[float, str]] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    bodies: dict[str, Any] = field(default_factory=dict)

    def __call__(self, question: Question) -> Answer | AsyncIterator[bytes]:
        """A request came."""
        event_id = question.headers["webhook-id"]
        self.attempts.append((time.monotonic(), event_id))
        if not genuine(question):
            return Answer(401)
        answer = self.answer(question)
        if isinstance(answer, Answer) and 200 <= answer.status < 300:
            self.taken.append(event_id)
            self.bodies[event_id] = question.json
        return answer


def genuine(question: Question, secret: str = SECRET) -> bool:
    """As docs/webhooks.md says it is checked."""
    headers = question.headers
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + question.body
    mine = base64.b64encode(hmac.new(secret.encode(), content, hashlib.sha256).digest()).decode()
    given = [part.removeprefix("v1,") for part in headers["webhook-signature"].split()]
    young = abs(time.time() - int(headers["webhook-timestamp"])) < 300
    return young and any(hmac.compare_digest(mine, each) for each in given)


def hook(folder: Path, url: str, **keys: Any) -> Webhook:
    """Settings of one that tries again soon."""
    folder.mkdir(parents=True, exist_ok=True)
    secret = folder / "secret"
    secret.write_text(SECRET)
    quick = {
        "retry_seconds": 0.02,
        "timeout": 5,
        "events": "all",
        "per_second": 5_000,
        "secret_file": str(secret),
    }
    return Webhook.model_validate({"url": url, **quick, **keys})


@dataclass
class Told:
    """Webhooks that run, and what their operator was told."""

    hooks: Webhooks
    changes: list[WebhookChanged]

    def happened(self, *events: Event) -> None:
        """Events happen."""
        for event in events:
            self.hooks.happened(event)

    async def idle(self) -> None:
        """Wait until nothing waits."""
        await until(lambda: all(view.waiting == 0 for view in self.hooks.views()))

    async def changed(self, change: str) -> WebhookChanged:
        """Wait for a word to the operator."""
        await until(lambda: any(each.change == change for each in self.changes))
        return next(each for each in self.changes if each.change == change)


@asynccontextmanager
async def telling(
    folder: Path, settings: Mapping[str, Webhook], plans: Mapping[str, str] | None = None
) -> AsyncIterator[Told]:
    """Webhooks with their spool in `folder`."""
    changes: list[WebhookChanged] = []
    known = plans or {}
    hooks = Webhooks(settings, folder / "webhooks", plan_of=known.get, tell=changes.append)
    await hooks.start()
    try:
        yield Told(hooks, changes)
    finally:
        await hooks.close()


@asynccontextmanager
async def receiving(receiver: Receiver, port: int = 0) -> AsyncIterator[WebServer]:
    """The receiver on a socket."""
    async with WebServer(receiver, port=port) as server:
        yield server


def call(call_id: str, lines: int = 2) -> list[Event]:
    """A small call."""
    return [
        CallStarted(call_id=call_id, caller="sip:ada@x", callee="sip:100@y", plan="reception"),
        *(
            Said(call_id=call_id, t=n, speaker="caller", text=f"line {n}", start=n, end=n + 1)
            for n in range(lines)
        ),
        CallEnded(call_id=call_id),
    ]
