"""Sounds from the web: by the one way out that every call has, and of a kind that plays."""

from dataclasses import dataclass

from sipagent.call.web import Web, WebFailed, WebRequest, without_secrets

from .decoding import SoundError

#: kinds that servers give to sound files, beside audio/*
_KINDS = frozenset({"application/ogg", "application/octet-stream", "video/ogg"})


@dataclass(frozen=True, slots=True)
class Fetcher:
    """`seconds` bounds one fetch from name to last byte, redirects included."""

    web: Web
    max_bytes: int = 10_000_000
    seconds: float = 10.0

    async def fetch(self, url: str) -> bytes:
        """The body. Raises SoundError."""
        request = WebRequest(url, timeout=self.seconds, most=self.max_bytes, by="sound")
        try:
            reply = await self.web.ask(request)
        except WebFailed as error:
            raise SoundError(str(error)) from error
        shown = without_secrets(url)
        if reply.status != 200:
            raise SoundError(f"{shown}: the server answered {reply.status}")
        kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind and not kind.startswith("audio/") and kind not in _KINDS:
            raise SoundError(f"{shown}: {kind} is not audio")
        return reply.body
