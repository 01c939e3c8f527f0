"""Sounds from the web: bounded in size, time, kind and redirects, and never from inside the house.

A plan's URL may come from a caller or a model. Host names are therefore resolved here, every
address is judged, and the connection goes to the very address that was judged.
"""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

import httpx

from .decoding import SoundError

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: kinds that servers give to sound files, beside audio/*
_KINDS = frozenset({"application/ogg", "application/octet-stream", "video/ogg"})


async def resolve(host: str, port: int) -> Sequence[str]:
    """Every address of a host. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class Fetcher:
    """`allowed_hosts` may be private addresses (a sound server of one's own).

    `seconds` bounds one fetch from name to last byte, redirects included.
    """

    allowed_hosts: Collection[str] = ()
    max_bytes: int = 10_000_000
    seconds: float = 10.0
    max_redirects: int = 3
    resolve: Resolve = resolve

    async def fetch(self, url: str) -> bytes:
        """The body. Raises SoundError."""
        try:
            async with asyncio.timeout(self.seconds):
                async with httpx.AsyncClient(timeout=self.seconds, trust_env=False) as client:
                    return await self._follow(client, url)
        except TimeoutError as error:
            raise SoundError(f"{url}: not there within {self.seconds:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            cause = str(error) or type(error).__name__
            raise SoundError(f"{url}: cannot be fetched: {cause}") from error

    async def _follow(self, client: httpx.AsyncClient, url: str) -> bytes:
        here = url
        for _ in range(self.max_redirects + 1):
            request = await self._request(client, here)
            response = await client.send(request, stream=True)
            try:
                if response.status_code not in _REDIRECTS:
                    return await self._body(response, here)
                here = urljoin(here, response.headers.get("location", ""))
            finally:
                await response.aclose()
        raise SoundError(f"{url}: more than {self.max_redirects} redirects")

    async def _request(self, client: httpx.AsyncClient, url: str) -> httpx.Request:
        """A request to the judged address, with the name where HTTP and TLS want it."""
        parsed = httpx.URL(url)
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise SoundError(f"{url}: not an http(s) URL")
        address = await self._address(parsed)
        return client.build_request(
            "GET",
            parsed.copy_with(host=address),
            headers={"host": parsed.netloc.decode("ascii")},
            extensions={"sni_hostname": parsed.host},
        )

    async def _address(self, url: httpx.URL) -> str:
        port = url.port or (443 if url.scheme == "https" else 80)
        addresses = await self.resolve(url.host, port)
        if not addresses:
            raise SoundError(f"{url}: the host has no address")
        if url.host not in self.allowed_hosts:
            for address in addresses:
                if not _public(address):
                    raise SoundError(f"{url}: refused: {address} is not a public address")
        return addresses[0]

    async def _body(self, response: httpx.Response, url: str) -> bytes:
        if response.status_code != 200:
            raise SoundError(f"{url}: the server answered {response.status_code}")
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind and not kind.startswith("audio/") and kind not in _KINDS:
            raise SoundError(f"{url}: {kind} is not audio")
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self.max_bytes:
                raise SoundError(f"{url}: larger than {self.max_bytes} bytes")
        return bytes(body)


def _public(address: str) -> bool:
    known = ipaddress.ip_address(address.partition("%")[0])
    mapped = known.ipv4_mapped if isinstance(known, ipaddress.IPv6Address) else None
    judged = mapped or known
    return judged.is_global and not judged.is_multicast
