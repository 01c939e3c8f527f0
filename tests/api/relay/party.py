"""RELAY in tests: a door that clients trust, calls that only pretend, and a bare client."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import trustme
from websockets.asyncio.client import ClientConnection, connect

from sipagent.api.calls import CallOver, Calls, CallView, Numbered, Origination, Principal
from sipagent.api.keyring import new_token
from sipagent.api.relay import RelayDoor
from sipagent.call.verb import Outcome
from sipagent.config import ApiTls, Relay, RelayProject
from sipagent.events import CallEnded, CallStarted, DriveChanged, Event, LegChanged
from sipagent.store.vault import Stored

TOKEN, HASH = new_token()


def settings(folder: Path | None = None, **more: Any) -> Relay:
    """One project, whose clients receive calls of `default` and `office`; with a folder, TLS."""
    tls = None
    if folder is not None:
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost")
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
        certificate.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
        tls = ApiTls(certificate=folder / "cert.pem", key=folder / "key.pem")
    project = RelayProject(hash=HASH, contexts=("default", "office"), dial=True)
    wanted = {"host": "127.0.0.1", "port": 0, "tls": tls, "projects": {"p": project}}
    return Relay(**{**wanted, **more})


def environment(folder: Path, port: int) -> dict[str, str]:
    """What SignalWire's client reads of the environment."""
    return os.environ | {
        "SIGNALWIRE_PROJECT_ID": "p",
        "SIGNALWIRE_API_TOKEN": TOKEN,
        "SIGNALWIRE_SPACE": f"localhost:{port}",
        "SIGNALWIRE_RELAY_CA_FILE": str(folder / "ca.pem"),
    }


class PretendedCalls:
    """`LiveCalls` without calls: events are made by the test, verbs end as it says."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str, dict[str, Any]]] = []
        self.principals: list[Principal] = []
        self.outcomes: dict[str, Outcome | None] = {}
        self.originated: list[Origination] = []
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self.old: list[Event] = []

    def happens(self, event: Event) -> None:
        self._events.put_nowait(event)

    def offered(self, call_id: str, context: str = "default") -> None:
        """A call came in, and its plan offers it."""
        self.happens(CallStarted(call_id=call_id, t=0, caller="sip:+44100@a", callee="sip:400@b"))
        self.leg(call_id, "incoming")
        self.happens(DriveChanged(call_id=call_id, t=0, change="offered", context=context))

    def leg(self, call_id: str, state: str, status: int = 0) -> None:
        self.happens(
            LegChanged(call_id=call_id, t=0, leg="l", remote="sip:x", state=state, status=status)
        )

    def ends(self, call_id: str, **fields: Any) -> None:
        self.leg(call_id, "disconnected")
        self.happens(CallEnded(call_id=call_id, t=0, **fields))

    async def verb(self, name: str, number: int = 1) -> dict[str, Any]:
        """The arguments of the `number`th verb of a name that was done."""
        async with asyncio.timeout(20):
            while True:
                found = [arguments for _, verb, arguments in self.done if verb == name]
                if len(found) >= number:
                    return found[number - 1]
                await asyncio.sleep(0.005)

    # LiveCalls

    async def do(
        self, call_id: str, verb: str, arguments: Mapping[str, Any], who: Principal
    ) -> Outcome:
        self.done.append((call_id, verb, dict(arguments)))
        self.principals.append(who)
        outcome = self.outcomes.get(verb, Outcome(detail="done"))
        if outcome is None:  # until it is stopped
            await asyncio.Event().wait()
            raise CallOver("never")
        return outcome

    async def originate(self, wish: Origination, who: Principal) -> CallView:
        self.originated.append(wish)
        call_id = f"out-{len(self.originated)}"
        self.happens(
            CallStarted(call_id=call_id, t=0, direction="outbound", caller="+1", callee=wish.to)
        )
        self.leg(call_id, "calling")
        await asyncio.sleep(0.05)
        return CallView(call_id=call_id)

    async def events(
        self, call_id: str | None = None, after: int | None = None
    ) -> AsyncIterator[Numbered]:
        number = 0
        if call_id is not None:
            for number, event in enumerate(self.old, 1):
                yield Numbered(number, event)
        while True:
            number += 1
            yield Numbered(number, await self._events.get())

    async def list(self) -> Calls:
        return Calls(calls=tuple(CallView(call_id=event.call_id) for event in self.old))

    async def get(self, call_id: str) -> CallView:
        return CallView(call_id=call_id)

    async def transcript(self, call_id: str) -> Any:
        return ()

    async def recording(self, call_id: str, name: str | None = None) -> Stored | None:
        return None


@asynccontextmanager
async def a_door(calls: PretendedCalls, **more: Any) -> AsyncIterator[RelayDoor]:
    door = RelayDoor(settings(**more), calls, lambda: datetime.now(UTC))
    await door.start()
    try:
        yield door
    finally:
        await door.close()


class Bare:
    """A client that keeps every frame."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = 0
        self.frames: list[dict[str, Any]] = []

    async def ask(self, method: str, params: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """Send a request; its answer."""
        self._numbers += 1
        number = f"n{self._numbers}"
        frame = {"jsonrpc": "2.0", "id": number, "method": method, "params": params, **more}
        await self._socket.send(json.dumps(frame))
        return await self.frame(lambda f: f.get("id") == number and "method" not in f)

    async def event(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The params of the next event of a kind with these fields; none before it is kept."""

        def wanted(frame: dict[str, Any]) -> bool:
            if frame.get("method") != "signalwire.event" or frame["params"]["event_type"] != kind:
                return False
            params = frame["params"]["params"]
            return all(params.get(key) == value for key, value in fields.items())

        params: dict[str, Any] = (await self.frame(wanted))["params"]["params"]
        return params

    async def frame(self, wanted: Any) -> dict[str, Any]:
        async with asyncio.timeout(20):
            while True:
                for index, frame in enumerate(self.frames):
                    if wanted(frame):
                        del self.frames[index]
                        return frame
                frame = json.loads(await self._socket.recv())
                self.frames.append(frame)
                if "method" in frame:  # as the SDK does
                    answer = {"jsonrpc": "2.0", "id": frame["id"], "result": {}}
                    await self._socket.send(json.dumps(answer))

    async def send(self, raw: str) -> None:
        await self._socket.send(raw)

    async def login(self, *contexts: str, token: str = TOKEN, **more: Any) -> dict[str, Any]:
        shown = {"project": "p", "token": token}
        params = {"authentication": shown, "contexts": list(contexts), **more}
        return await self.ask("signalwire.connect", params)


@asynccontextmanager
async def bare(door: RelayDoor) -> AsyncIterator[Bare]:
    async with connect(f"ws://127.0.0.1:{door.port}/") as socket:
        yield Bare(socket)
