"""Debian's softphone transfers and is transferred: REFER both ways, and two calls made one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from pydantic import SecretStr

from sipagent.call.leg import LegState
from sipagent.config import Phone as Account
from sipagent.config import Registrar
from sipagent.edge.dialogs import Dialog
from sipagent.events import LegChanged, VerbDone
from sipagent.testing.baresip import Baresip
from sipagent.testing.call import PhoneCall
from sipagent.testing.phone import Phone
from sipagent.testing.server import Server, running
from sipagent.testing.signals import noise, share

pytestmark = [pytest.mark.peer, pytest.mark.slow]

PASSWORD = "s3cret"
ACCOUNTS = {name: Account(password=SecretStr(PASSWORD)) for name in ("201", "202")}
PLAN = """
routes: [{{to: "{number}"}}]
policy: {{destinations: ["sip:*@127.0.0.1:*", "sip:*@phones"], referrals: [callee]}}
sections: {{main: [answer, {step}]}}
"""


def with_sales(sales: Phone) -> dict[str, str]:
    """A plan for each way of handing the caller to somebody."""
    steps = {
        "300": f"{{transfer: {{to: '{sales.uri}', mode: refer}}}}",
        "301": f"{{transfer: {{to: '{sales.uri}', mode: attended}}}}",
        "302": "{connect: {to: '201'}}",
    }
    return {number: PLAN.format(number=number, step=step) for number, step in steps.items()}


async def done(server: Server, verb: str) -> VerbDone:
    event = await server.until(lambda e: isinstance(e, VerbDone) and e.verb == verb)
    assert isinstance(event, VerbDone)
    return event


async def heard(call: PhoneCall, said: bytes) -> None:
    """Most of it has arrived. Raises TimeoutError."""
    async with asyncio.timeout(20):
        while share(said, call.stream.heard.pcm(), 8000) < 0.5:
            await asyncio.sleep(0.1)


async def over(server: Server) -> None:
    """Nothing is left of any call."""
    await server.idle()
    await server.wait_for(lambda: server.gateway.edge.dialogs == 0)
    assert server.gateway.edge.counters.exceptions == 0


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as made:
        yield made


async def registered(stack: AsyncExitStack, server: Server, user: str, **options: str) -> Baresip:
    """Baresip as a phone of ours."""
    host, port = server.address()
    phone = Baresip(user=user, password=PASSWORD, registrar=f"{host}:{port}", answer="auto")
    await stack.enter_async_context(phone)
    await phone.wait_registered()
    return phone


@pytest.mark.rfc("3515", "blind transfer by REFER, its outcome by NOTIFY")
async def test_baresip_follows_a_blind_transfer_and_the_outcome_is_its_report(
    tmp_path: Path,
) -> None:
    async with (
        Phone(user="sales") as sales,
        running(tmp_path, with_sales(sales)) as server,
        Baresip(user="alice") as alice,
    ):
        await alice.dial(server.uri("300"))
        told = await done(server, "transfer")
        assert (told.ok, told.status) == (True, 200)
        direct = await sales.wait_call()
        assert direct.invite is not None
        assert direct.invite.get("User-Agent").startswith("baresip")
        said = noise(5, 1500, 8000)
        await alice.play(said)
        await heard(direct, said)
        await over(server)
        await direct.hangup()


async def test_an_attended_transfer_of_baresip_comes_to_a_second_call(tmp_path: Path) -> None:
    """It takes the REFER and leaves the Replaces out, so sales is called anew."""
    async with (
        Phone(user="sales") as sales,
        running(tmp_path, with_sales(sales)) as server,
        Baresip(user="alice") as alice,
    ):
        await alice.dial(server.uri("301"))
        told = await done(server, "transfer")
        assert (told.ok, told.detail) == (True, "the caller was transferred to sales")
        consulted, direct = await sales.wait_call(1), await sales.wait_call(2)
        assert (await consulted.wait_ended()).by == "remote"
        assert direct.invite is not None
        assert not direct.invite.get("Replaces")
        said = noise(5, 1500, 8000)
        await alice.play(said)
        await heard(direct, said)
        await over(server)
        await direct.hangup()


@pytest.mark.rfc("3515", "REFER from a far end: 202, NOTIFY with sipfrag, final status")
async def test_baresip_transfers_the_caller_to_somebody_else(
    tmp_path: Path, stack: AsyncExitStack
) -> None:
    sales, help_ = [await stack.enter_async_context(Phone(user=name)) for name in ("sales", "help")]
    server = await stack.enter_async_context(running(tmp_path, with_sales(sales), phones=ACCOUNTS))
    ann = await registered(stack, server, "201")
    call = await sales.dial(server.uri("302"))
    await ann.wait_event("CALL_ESTABLISHED")
    await ann.transfer(help_.uri)
    new = await help_.wait_call()
    await ann.wait_event("CALL_CLOSED")
    said = noise(6, 1500, 8000)
    await call.play(said)
    await heard(new, said)
    assert call.state is LegState.CONFIRMED
    await call.hangup()
    await new.wait_ended()
    await over(server)


@pytest.mark.rfc("3891", "a phone transfers one of its calls with us to another (attended)")
async def test_baresip_brings_two_of_its_calls_together(
    tmp_path: Path, stack: AsyncExitStack
) -> None:
    """Debian's baresip 1.0 has no command for it, so it is given the Refer-To to send."""
    sales = await stack.enter_async_context(Phone(user="sales"))
    registrar = Registrar(internal_calls=True)
    server = await stack.enter_async_context(
        running(tmp_path, with_sales(sales), phones=ACCOUNTS, registrar=registrar)
    )
    ann, bert = await registered(stack, server, "201"), await registered(stack, server, "202")
    call = await sales.dial(server.uri("302"))
    await ann.wait_event("CALL_ESTABLISHED")
    await ann.hold()
    since = len(server.events)
    await ann.dial(server.uri("202"))
    await bert.wait_event("CALL_ESTABLISHED")
    consultation = await server.until(
        lambda e: isinstance(e, LegChanged) and e.role == "caller" and e.state == "confirmed",
        since=since,
    )
    assert isinstance(consultation, LegChanged)
    target = place_of(server, consultation.sip_call_id)
    await ann.command("line", "1")
    await ann.command("transfer", target)
    await server.wait_for(lambda: sum(e.type == "CALL_CLOSED" for e in ann.events) == 2)
    said = noise(7, 1500, 8000)
    await bert.play(said)
    await heard(call, said)
    await call.hangup()
    await bert.wait_event("CALL_CLOSED")
    await over(server)


def place_of(server: Server, sip_call_id: str) -> str:
    """The Refer-To that names a dialog of ours."""
    edge = server.gateway.edge
    dialogs: list[Dialog] = list(edge._proxy.dialogs._dialogs.values())
    (dialog,) = [d for d in dialogs if d.key.call_id == sip_call_id.encode()]
    call_id, ours, theirs = (part.decode() for part in dialog.key)
    host, port = server.address()
    value = f"{call_id}%3Bto-tag%3D{ours}%3Bfrom-tag%3D{theirs}"
    return f"sip:w.{dialog.token}@{host}:{port}?Replaces={value}"
