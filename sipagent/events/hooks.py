"""Events of the server's own: how its webhooks do."""

from typing import Literal

from .base import Base


class WebhookChanged(Base):
    """A receiver of webhooks fails, is back, or has lost something. Of no call: `call_id` is empty.

    `dropped` are events it is never told of: too many waited, or too long; `ended`: it said itself
    that it wants no more (410).
    """

    type: Literal["webhook_changed"] = "webhook_changed"
    webhook: str
    change: Literal["failing", "recovered", "dropped", "ended"]
    detail: str = ""
    dropped: int = 0
