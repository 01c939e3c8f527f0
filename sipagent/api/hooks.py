"""/v1/webhooks: how the receivers of webhooks do, and a try of one."""

from fastapi import APIRouter, Depends, Request

from sipagent.config import Scope

from .doors import Doors, needs, principal_of
from .receivers import Receivers, Tried, WebhookList

READ: Scope = "system:read"
CONTROL: Scope = "system:control"


def router(doors: Doors) -> APIRouter:
    """The routes."""
    made = APIRouter(prefix="/v1/webhooks", dependencies=[Depends(needs(READ))], tags=["webhooks"])
    if doors.receivers is not None:
        _routes(made, doors, doors.receivers)
    return made


def _routes(made: APIRouter, doors: Doors, receivers: Receivers) -> None:
    @made.get("")
    async def list_webhooks() -> WebhookList:
        """How each does: what waits for it, what it said last, and since when it fails."""
        return WebhookList(webhooks=tuple(receivers.views()))

    @made.post("/{name}/test", dependencies=[Depends(needs(CONTROL))])
    async def test_webhook(name: str, request: Request) -> Tried:
        """Tell one that this is a test, once; where it works, what waits for it goes at once."""
        tried = await receivers.test(name)
        who = principal_of(request)
        doors.calls.audit.note(who.by, who.origin, f"test webhook {name}", "", tried.detail)
        return tried
