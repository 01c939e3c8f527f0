"""A front door that is gone, and the next one that goes on where it was."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from sipagent.config import Listener, Phone, Settings, Sip, Trunk
from sipagent.edge.memory import Memory
from sipagent.store.journal import Journal
from sipagent.testing.frontdoor import TcpPeer
from sipagent.testing.ports import free_port
from sipagent.testing.registering import Registering
from sipagent.testing.registrar import Registrar as Pbx
from tests.edge.conftest import SDP
from tests.edge.test_trunks import registered, registering

Line = Any
Lines = Callable[..., Awaitable[Line]]


class Successive:
    """Edges one after the other, on the same ports and what is remembered."""

    def __init__(self, lines: Lines, folder: Path, **settings: Any) -> None:
        port = free_port()
        sip = Sip(listen=(Listener(port=port), Listener(transport="tcp", port=port)))
        self._settings = Settings(sip=sip, **settings)
        self._lines = lines
        self._path = folder / "journal.jsonl"
        self._internal = free_port()
        self._last: Line = None

    async def next(self) -> Line:
        """The edge before this one is no more: it has written nothing at its end."""
        if self._last is not None:
            await self._last.edge.close()
        journal = Journal(self._path)
        journal.open()
        self._last = await self._lines(
            self._settings, memory=Memory(journal, b"secret" * 4, self._internal)
        )
        return self._last


@pytest.mark.rfc("3261", "dialogs, and requests in them, through a restart of the gateway")
async def test_requests_in_a_dialog_find_its_worker_again(lines: Lines, tmp_path: Path) -> None:
    edges = Successive(lines, tmp_path)
    phone, token, worker = await (await edges.next()).established()
    line = await edges.next()
    line.edge.worker_ready(token, worker.local)
    assert line.edge.dialogs == 1
    target = line.uri(f"w.{token}")
    line.send(phone, phone.request("BYE", target, call_id="one@test", to_tag="wtag", cseq=2))
    bye = await worker.get("BYE")
    worker.respond(bye, 200, line.edge.internal_address)
    assert (await phone.get(200)).cseq.method == b"BYE"
    assert line.edge.dialogs == 0
    assert (await edges.next()).edge.dialogs == 0


async def test_a_worker_that_is_gone_gets_its_bye_sent_by_the_next(
    lines: Lines, tmp_path: Path
) -> None:
    edges = Successive(lines, tmp_path)
    phone, token, worker = await (await edges.next()).established()
    line = await edges.next()
    line.edge.worker_ready(token, worker.local)
    line.edge.worker_gone(token)
    bye = await phone.get("BYE")
    assert (bye.call_id, bye.from_.tag) == (b"one@test", b"wtag")
    assert line.edge.dialogs == 0


async def test_a_phone_that_comes_by_another_connection_is_spoken_to_there(
    lines: Lines, tmp_path: Path
) -> None:
    edges = Successive(lines, tmp_path)
    line = await edges.next()
    token, worker = await line.worker()
    first = await line.tcp_phone()
    first.send(first.request("INVITE", line.uri("100"), call_id="t@test", body=SDP))
    invite = await worker.get("INVITE")
    line.answer(worker, token, invite)
    answer = await first.get(200)
    route = next(v for v in invite.values(b"record-route")).decode()
    first.send(first.request("ACK", line.uri(f"w.{token}"), call_id="t@test", to_tag="wtag"))
    await worker.get("ACK")

    line = await edges.next()
    line.edge.worker_ready(token, worker.local)
    second: TcpPeer = await line.tcp_phone()
    target = line.uri(f"w.{token}")
    again = second.request("INVITE", target, call_id="t@test", to_tag="wtag", cseq=2, body=SDP)
    second.send(again)
    await worker.get("INVITE")
    bye = worker.request(
        "BYE",
        "sip:phone@nowhere.invalid;transport=tcp",
        call_id="t@test",
        extra=(f"Route: {route}",),
        to_tag=answer.from_.tag.decode(),
        from_tag="wtag",
    )
    worker.send(bye, line.edge.internal_address)
    assert (await second.get("BYE")).call_id == b"t@test"


async def test_a_caller_nobody_had_taken_yet_hears_503(lines: Lines, tmp_path: Path) -> None:
    edges = Successive(lines, tmp_path)
    line = await edges.next()
    line.desk.gate.clear()
    phone = await line.phone()
    line.send(phone, phone.request("INVITE", line.uri("100"), call_id="w@test", body=SDP))
    await phone.get(100)
    journal = (tmp_path / "journal.jsonl").read_bytes()
    assert b"w@test" in journal
    # as it was before the end: closing an edge refuses what waits
    await line.edge.close()
    (tmp_path / "journal.jsonl").write_bytes(journal)
    while not phone.silent():
        await phone.raw()
    await edges.next()
    answer = await phone.get(503)
    assert answer.get(b"retry-after") is not None


async def test_where_phones_are_is_known_again(lines: Lines, tmp_path: Path) -> None:
    phones = {"201": Phone(password=SecretStr("s3cret"))}
    edges = Successive(lines, tmp_path, phones=phones)
    line = await edges.next()
    peer = await line.phone()
    phone = Registering(peer, lambda data: line.send(peer, data), line.uri("201"))
    assert (await phone.register(phone.contact(";expires=600"))).status == 200
    (before,) = line.edge.bindings
    line = await edges.next()
    (after,) = line.edge.bindings
    assert (after.extension, after.contact, after.source) == ("201", before.contact, peer.local)
    assert 590 <= after.seconds <= 600


async def test_trunks_follow_the_settings_while_we_serve(lines: Lines) -> None:
    async with Pbx() as old, Pbx() as new:
        trunks = {"a": Trunk.model_validate(registering(old))}
        listen = (Listener(port=0),)
        line = await lines(Settings(sip=Sip(listen=listen), trunks=trunks))
        line.edge.trunks.start()
        line.stack.push_async_callback(line.edge.trunks.close)
        await registered(line)
        trunks = {"b": Trunk.model_validate(registering(new))}
        line.edge.reload(Settings(sip=Sip(listen=listen), trunks=trunks))
        await registered(line)
        assert [status.name for status in line.edge.trunks.statuses] == ["b"]
        assert len(new.registers) >= 1
        async with asyncio.timeout(10):
            while old.registers[-1].text(b"expires") != b"0":
                await asyncio.sleep(0.01)
