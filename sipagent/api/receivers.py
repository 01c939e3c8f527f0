"""Receivers of webhooks, as the doors of this room are given them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from .calls import OutsideError


class UnknownWebhook(OutsideError):
    """There is no webhook of that name."""

    status, kind = 404, "unknown-webhook"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no webhook {name!r} in the settings")


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WebhookView(_Shown):
    """How one does. Times are UTC; counts are since the server started, but for `waiting`."""

    name: str
    url: str = Field(description="scheme, host and port: the rest may be a secret")
    state: Literal["working", "failing", "ended"] = Field(
        default="working", description="ended: the receiver said 410, it wants no more"
    )
    waiting: int = 0
    waiting_since: datetime | None = None
    delivered: int = 0
    dropped: int = Field(default=0, description="too many waited, or too long: never told")
    error: str = Field(default="", description="of the last attempt that failed")
    failing_since: datetime | None = None
    next_try: datetime | None = None
    last_delivered: datetime | None = None


class WebhookList(_Shown):
    """Those of the settings."""

    webhooks: tuple[WebhookView, ...]


class Tried(_Shown):
    """How a test came out. `status` is the receiver's, None where it gave none."""

    ok: bool
    detail: str
    status: int | None = None
    ms: int = 0


class Receivers(Protocol):
    """Who is told of calls by HTTP."""

    def views(self) -> Sequence[WebhookView]:
        """How they do, by name."""
        ...

    async def test(self, name: str) -> Tried:
        """Tell one that this is a test, once. Where it works, whatever waits is tried at once.

        Raises UnknownWebhook.
        """
        ...
