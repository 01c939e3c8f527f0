"""Far ends that do what two of our own phones never would: fork, route, repeat themselves."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from sipagent.testing.phone import Phone
from sipagent.testing.sip.matching import Transactions
from sipagent.testing.sip.message import Request, Response, parse, tag
from sipagent.testing.sip.sdp import Description, write
from sipagent.testing.sip.transaction import ServerTransaction, Timers
from sipagent.testing.sip.transport import UdpTransport, open_udp


@dataclass
class FarEnd:
    """A bare transaction layer; the test says how it answers an INVITE."""

    transport: UdpTransport
    requests: list[Request] = field(default_factory=list)

    @property
    def uri(self) -> str:
        return f"sip:far@127.0.0.1:{self.transport.local[1]}"

    def ok(self, invite: Request, to_tag: str) -> Response:
        body = write(Description("127.0.0.1", 40000, ("PCMU",)), 1, 1)
        contact = ("Contact", f"<{self.uri}>")
        reply = invite.reply(200, to_tag=to_tag, headers=[contact])
        return replace(reply, body=body)

    async def got(self, method: str, count: int = 1) -> list[Request]:
        async with asyncio.timeout(5):
            while len(found := [r for r in self.requests if r.method == method]) < count:
                await asyncio.sleep(0.005)
        return found


@asynccontextmanager
async def far_end(
    on_invite: Callable[[FarEnd, Request, ServerTransaction], None],
) -> AsyncIterator[FarEnd]:
    def asked(request: Request, transaction: ServerTransaction | None) -> None:
        far.requests.append(request)
        if transaction is not None and request.method == "INVITE":
            on_invite(far, request, transaction)
        elif transaction is not None:
            transaction.respond(request.reply(200))

    transport = await open_udp("127.0.0.1", 0, lambda data, to: layer.receive(parse(data), to))
    far = FarEnd(transport)
    layer = Transactions(transport.send, Timers(), asked)
    yield far
    layer.close()
    await transport.close()


async def test_a_second_branch_that_answers_is_hung_up_on(alice: Phone) -> None:
    def fork(far: FarEnd, invite: Request, transaction: ServerTransaction) -> None:
        transaction.respond(far.ok(invite, "first"))
        transaction.send_again(far.ok(invite, "second"))

    async with far_end(fork) as far:
        call = await alice.dial(far.uri)
        await call.wait_answered(5)
        byes = await far.got("BYE")
        assert [tag(bye.get("To")) for bye in byes] == ["second"]
        assert {tag(ack.get("To")) for ack in await far.got("ACK", 2)} == {"first", "second"}
        assert not call.ended.done()
        await call.hangup()


async def test_a_repeated_200_is_acknowledged_again(alice: Phone) -> None:
    def repeat(far: FarEnd, invite: Request, transaction: ServerTransaction) -> None:
        transaction.respond(far.ok(invite, "t"))
        transaction.send_again(far.ok(invite, "t"))

    async with far_end(repeat) as far:
        call = await alice.dial(far.uri)
        await call.wait_answered(5)
        first, second = await far.got("ACK", 2)
        assert first == second
        await call.hangup()


async def test_a_200_that_crosses_our_cancel_is_ended_by_bye(alice: Phone) -> None:
    pending: list[ServerTransaction] = []

    def ring(far: FarEnd, invite: Request, transaction: ServerTransaction) -> None:
        transaction.respond(invite.reply(180, to_tag="t"))
        pending.append(transaction)

    async with far_end(ring) as far:
        call = await alice.dial(far.uri)
        hanging_up = asyncio.ensure_future(call.hangup())
        await far.got("CANCEL")
        pending[0].respond(far.ok(pending[0].request, "t"))
        await far.got("BYE")
        assert (await hanging_up).by == "local"


async def test_requests_in_a_call_take_the_recorded_route(alice: Phone) -> None:
    def routed(far: FarEnd, invite: Request, transaction: ServerTransaction) -> None:
        here = f"sip:127.0.0.1:{far.transport.local[1]};lr"
        records = (("Record-Route", f"<{here};p=2>, <{here};p=1>"),)
        answer = far.ok(invite, "t")
        hidden = tuple((n, v) for n, v in answer.headers if n != "Contact")
        contact = ("Contact", "<sip:far@127.0.0.1:9>")  # only the route leads there
        transaction.respond(replace(answer, headers=(*records, *hidden, contact)))

    async with far_end(routed) as far:
        call = await alice.dial(far.uri)
        await call.wait_answered(5)
        await call.hangup()
        ack, bye = (await far.got("ACK"))[0], (await far.got("BYE"))[0]
        for request in (ack, bye):
            assert request.uri == "sip:far@127.0.0.1:9"
            assert [route[-4:] for route in request.all("Route")] == ["p=1>", "p=2>"]
