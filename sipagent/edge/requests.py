"""Requests of our own outside dialogs: one client transaction each (RFC 3261 section 17.1.2)."""

import asyncio
import secrets
from collections.abc import Callable, Sequence

from sipagent.errors import SipAgentError

from .identity import Identity, hostport
from .listeners import Listeners, Peer
from .message import Header, Message, header
from .timers import Timers
from .transactions import Repeater

_EMPTY = header(b"Content-Length", b"0")
_HOPS = header(b"Max-Forwards", b"70")
_AGENT = header(b"User-Agent", b"sipagent")


class Silence(SipAgentError):
    """No final answer in time, or no way to send."""


def request(method: bytes, uri: bytes, headers: Sequence[Header]) -> Message:
    """A request without a body; its Via comes when it is sent."""
    made = Message(b"", [_HOPS, *headers, _AGENT, _EMPTY])
    made.method = method
    made.set_uri(uri)
    return made


class Requests:
    """Sends, repeats by timer E where the way is lossy, and finds the answer by its branch."""

    def __init__(self, listeners: Listeners, identity: Identity, timers: Timers) -> None:
        self._listeners = listeners
        self._identity = identity
        self._repeater = Repeater(timers)
        self._waiting: dict[bytes, asyncio.Future[Message]] = {}

    async def ask(
        self,
        message: Message,
        peer: Peer,
        patience: float,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Message:
        """The final response to `message`, which gets its Via here; it is not repeated any more
        once it is not `wanted`. Raises Silence.
        """
        flow = self._listeners.flow(peer.flow)
        if flow is None:
            raise Silence(f"the connection to {peer} is gone")
        branch = b"z9hG4bK" + secrets.token_hex(10).encode()
        sent_by = hostport(self._identity.advertised(flow.transport, flow.local))
        via = f"SIP/2.0/{flow.transport} ".encode() + sent_by + b";branch=" + branch + b";rport"
        message.headers.insert(0, header(b"Via", via))
        data = bytes(message)
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[branch] = answer
        try:
            if self._listeners.reliable(peer.flow):
                self._listeners.send(data, peer)
            else:
                self._repeater.start(branch, lambda: self._repeat(data, peer, wanted))
            async with asyncio.timeout(patience):
                return await answer
        except TimeoutError:
            raise Silence(f"no answer from {peer} in {patience:g} s") from None
        finally:
            self._repeater.stop(branch)
            del self._waiting[branch]

    def answered(self, answer: Message) -> bool:
        """A response with one Via. True when it answers a request of ours."""
        waiting = self._waiting.get(answer.via.branch)
        if waiting is None:
            return False
        if answer.status >= 200 and not waiting.done():
            waiting.set_result(answer)
        return True

    def close(self) -> None:
        """Stop repeating."""
        self._repeater.close()

    def _repeat(self, data: bytes, peer: Peer, wanted: Callable[[], bool]) -> None:
        if wanted():
            self._listeners.send(data, peer)
