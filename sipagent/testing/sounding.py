"""Small tools of tests that listen to real calls of a whole server."""

from typing import Any

from sipagent.events import LegChanged

from .call import PhoneCall
from .phone import Phone
from .server import Server


def plan(number: str, steps: str, top: str = "") -> str:
    """A plan of one section for one number."""
    body = "\n".join(f"    {line}" for line in steps.strip().splitlines())
    return f'routes: [{{to: "{number}"}}]\n{top}\nsections:\n  main:\n{body}\n'


async def dial(phone: Phone, server: Server, number: str) -> PhoneCall:
    """Call a number and wait until both ends know that it was answered."""
    call = await phone.dial(server.uri(number))
    await call.wait_answered()

    def known() -> bool:
        return any(
            isinstance(event, LegChanged)
            and event.sip_call_id == call.id
            and event.state in {"confirmed", "disconnected"}
            for event in server.events
        )

    await server.wait_for(known)
    return call


async def the(server: Server, kind: type, number: int = 1, **fields: Any) -> Any:
    """The `number`th event of a kind with these fields."""

    def found() -> list[Any]:
        return [
            event
            for event in server.events
            if isinstance(event, kind)
            and all(getattr(event, name) == value for name, value in fields.items())
        ]

    await server.wait_for(lambda: len(found()) >= number, 50)
    return found()[number - 1]
