"""A local server that speaks S3, with faults that are staged: late, refusing, away, cut off.

moto keeps the objects. In front of it stands a door of our own, which does what a network and a
store in trouble do.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from moto.server import ThreadedMotoServer

from sipagent.config import Upload

BUCKET = "records"
#: moto believes whoever says a name
_SOMEBODY = (
    "AWS4-HMAC-SHA256 Credential=tester/20260302/us-east-1/s3/aws4_request,"
    " SignedHeaders=host, Signature=0"
)
#: how a connection ends, of which nothing is to be told
_ENDS = (
    OSError,
    RuntimeError,
    asyncio.IncompleteReadError,
    asyncio.CancelledError,
    httpx.HTTPError,
)
_KEPT = ("content-type", "content-range", "etag", "last-modified")


@dataclass(slots=True)
class Door:
    """What clients meet, at the same port all the time. `refuse` is answered in place of the store,
    `refuse_deletes` where something is to go; of a request to write, only `cut_after` of them pass
    before connections end unanswered; every answer waits `late` seconds.
    """

    store: httpx.AsyncClient
    port: int = 0
    seen: list[tuple[str, str, int]] = field(default_factory=list)
    refuse: int | None = None
    refuse_deletes: int | None = None
    cut_after: int | None = None
    late: float = 0.0
    on_put: Callable[[str], None] = lambda path: None
    _server: asyncio.Server | None = None

    def upload(self, **more: Any) -> Upload:
        """Settings that lead here."""
        known = {
            "bucket": BUCKET,
            "endpoint": f"http://127.0.0.1:{self.port}",
            "access_key_id": "tester",
            "secret_access_key": "hush-hush-hush",
            "timeout": 30,
        }
        return Upload.model_validate(known | more)

    async def objects(self) -> dict[str, bytes]:
        """What is there, asked of the store itself."""
        listed = (await self.store.get(f"/{BUCKET}", params={"list-type": "2"})).text
        names = [part.partition("</Key>")[0] for part in listed.split("<Key>")[1:]]
        return {name: (await self.store.get(f"/{BUCKET}/{name}")).content for name in names}

    def puts(self) -> list[str]:
        """What was written, in order, as often as it was."""
        return [
            path.removeprefix(f"/{BUCKET}/")
            for method, path, status in self.seen
            if method == "PUT" and status == 200
        ]

    async def open(self) -> None:
        """Serve, at the port of before if there was one."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Nobody answers any more."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(*_ENDS):
            while await self._answered(reader, writer) and self._server is not None:
                pass
        writer.close()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if method == "PUT" and self.cut_after is not None:
            if self.cut_after <= 0:
                return False
            self.cut_after -= 1
        await asyncio.sleep(self.late)
        refuse = self.refuse or (self.refuse_deletes if path.endswith("?delete") else None)
        if refuse is not None:
            answer = httpx.Response(refuse, content=b"<Error><Code>Refused</Code></Error>")
        else:
            passed = {k: v for k, v in headers.items() if k not in ("host", "connection")}
            answer = await self.store.request(method, path, headers=passed, content=body)
        self.seen.append((method, path.partition("?")[0], answer.status_code))
        if method == "PUT":
            self.on_put(path)
        length = answer.headers.get("content-length") if method == "HEAD" else len(answer.content)
        told = "".join(f"{k}: {answer.headers[k]}\r\n" for k in _KEPT if k in answer.headers)
        status = f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}"
        writer.write(f"{status}\r\n{told}content-length: {length}\r\n\r\n".encode())
        writer.write(b"" if method == "HEAD" else answer.content)
        await writer.drain()
        return True


@asynccontextmanager
async def object_store() -> AsyncIterator[Door]:
    """An empty bucket, `BUCKET`, behind a door."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        async with httpx.AsyncClient(
            base_url=f"http://{host}:{port}", timeout=30, headers={"authorization": _SOMEBODY}
        ) as store:
            await store.post("/moto-api/reset")
            (await store.put(f"/{BUCKET}")).raise_for_status()
            door = Door(store)
            await door.open()
            yield door
            await door.close()
    finally:
        server.stop()
