"""Callers who keep a list of what they saw: one INVITE, a moment, one BYE."""

import asyncio
import re
import time
from dataclasses import dataclass, field

from sipagent.edge.desk import Address
from sipagent.edge.message import Message, parse
from sipagent.testing.frontdoor import UdpPeer

_SDP = (
    "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=inactive\r\n"
)
#: a caller that hears nothing asks again (timer A), and gives up at last (timer B)
_T1, _GIVE_UP = 0.5, 32.0
_HOST = re.compile(rb"@([0-9.]+)")


@dataclass
class Seen:
    """One call as its caller saw it. Times are the loop's clock; `node` is where it was."""

    caller: str
    began: float
    status: int = 0
    answered: float | None = None
    node: str = ""
    #: the BYE was answered with 200
    ended: bool = False
    hang_up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def waited(self) -> float:
        """Seconds from INVITE to 200."""
        assert self.answered is not None
        return self.answered - self.began


async def call(
    caller: str,
    front: Address,
    *,
    host: str,
    hold: float | None,
    seen: Seen,
    number: str = "100",
) -> None:
    """Call a number, stay for `hold` seconds, or until told, and hang up."""
    peer = await UdpPeer.open(host)
    try:
        call_id, uri = f"{caller}@{host}", f"sip:{number}@{front[0]}:{front[1]}"
        body = _SDP.format(host=host, port=peer.local[1])
        invite = peer.request("INVITE", uri, call_id=call_id, user=caller, body=body)
        final = await _final(peer, invite, front)
        seen.status = final.status
        if final.status != 200:
            peer.send(_within(peer, "ACK", final, uri, call_id, caller, 1), front)
            return
        seen.answered = time.monotonic()
        contact = final.values(b"contact")[0].split(b">")[0].strip(b"<").decode()
        found = _HOST.search(contact.encode())
        assert found is not None
        seen.node = found[1].decode()
        peer.send(_within(peer, "ACK", final, contact, call_id, caller, 1), front)
        if hold is None:
            await seen.hang_up.wait()
        else:
            await asyncio.sleep(hold)
        bye = _within(peer, "BYE", final, contact, call_id, caller, 2)
        seen.ended = (await _final(peer, bye, front, cseq=2)).status == 200
    except TimeoutError:
        return
    finally:
        peer.close()


async def _final(peer: UdpPeer, request: bytes, to: Address, *, cseq: int = 1) -> Message:
    """Send until something is heard, then wait for the end. Raises TimeoutError."""
    async with asyncio.timeout(_GIVE_UP):
        heard = False
        while True:
            if not heard:
                peer.send(request, to)
            try:
                answer = await _response(peer, cseq, None if heard else _T1)
            except TimeoutError:
                continue
            heard = True
            if answer.status >= 200:
                return answer


async def _response(peer: UdpPeer, cseq: int, patience: float | None) -> Message:
    async with asyncio.timeout(patience):
        while True:
            message = parse(await peer.raw(_GIVE_UP))
            if message.status and message.cseq.number == cseq:
                return message


def _within(
    peer: UdpPeer, method: str, ok: Message, uri: str, call_id: str, caller: str, cseq: int
) -> bytes:
    routes = tuple(f"Route: {value.decode()}" for value in ok.values(b"record-route")[::-1])
    return peer.request(
        method,
        uri,
        call_id=call_id,
        user=caller,
        cseq=cseq,
        to_tag=ok.to.tag.decode(),
        extra=routes,
    )
