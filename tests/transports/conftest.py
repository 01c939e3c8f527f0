"""A certificate authority of the test's own, and a server whose plans echo, play and dial."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import trustme

from sipagent.config import Certificate, Listener, Sip, Tls
from sipagent.testing.server import Server, running
from sipagent.testing.sip.transport import TlsEnds

ECHO = """
version: 1.0.0
routes: [{to: "100"}]
agents:
  echo: {brain: {provider: echo}}
sections:
  main:
    - answer
    - ai: {agent: echo}
"""


class Authority:
    """A CA, the files it has issued, and phones that believe it and nobody else."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.file = folder / "ca.pem"
        self._ca = trustme.CA()
        self._ca.cert_pem.write_to_path(str(self.file))

    def issue(self, name: str, *hosts: str, names: tuple[str, ...] = ()) -> Certificate:
        """A certificate for these hosts in files called `name`; issuing again overwrites."""
        made = self._ca.issue_cert(*hosts)
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
        made.private_key_pem.write_to_path(str(key))
        return Certificate(certificate=certificate, key=key, names=names)

    def ends(self, *hosts: str, own: bool = False) -> TlsEnds:
        """A phone's TLS: it shows peers a certificate for `hosts`, servers one if `own`."""
        client = ssl.create_default_context(cafile=str(self.file))
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made = self._ca.issue_cert(*(hosts or ("127.0.0.1",)))
        made.configure_cert(server)
        if own:
            made.configure_cert(client)
        return TlsEnds(client, server)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


Serve = Callable[..., Awaitable[Server]]


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Start a server: `await serve(plans, "udp", "tls", tls=..., **settings)`; without plans it
    echoes. When the test is over no bug may have been met at its door.
    """
    async with AsyncExitStack() as stack:

        async def start(
            plans: Any = None, *transports: Any, tls: Tls | None = None, **settings: Any
        ) -> Server:
            listen = tuple(Listener(transport=t, port=0) for t in transports or ("udp",))
            settings.setdefault("sip", Sip(listen=listen, tls=tls or Tls()))
            server = await stack.enter_async_context(running(tmp_path, plans or ECHO, **settings))
            stack.callback(lambda: _sound(server))
            return server

        yield start


def _sound(server: Server) -> None:
    assert server.gateway.edge.counters.exceptions == 0
