"""Settings of browser phones: where their media comes to, who helps it there, and how many."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from .parts import Host, OneOrMore, Part

_URL = re.compile(r"(?:stuns?|turns?):[A-Za-z0-9_.\[\]:-]+(?:\?transport=(?:udp|tcp))?")


def _url(text: str) -> str:
    if not _URL.fullmatch(text):
        raise ValueError(f"{text!r} is not stun:host[:port] or turn:host[:port][?transport=tcp]")
    return text


class IceServer(Part):
    """A STUN or TURN server that browsers are told of. For TURN either a user and a password, or
    the secret it shares with us: then each browser gets a user of its own that ends by itself.
    """

    urls: Annotated[tuple[Annotated[str, AfterValidator(_url)], ...], OneOrMore]
    username: str | None = None
    credential: SecretStr | None = None
    secret: SecretStr | None = Field(
        default=None, description="`static-auth-secret` of coturn: users are made for an hour"
    )
    seconds: int = Field(default=3600, ge=60, description="how long such a user is good")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        turn = any(url.startswith("turn") for url in self.urls)
        if (self.username is None) != (self.credential is None):
            raise ValueError("username and credential belong together")
        if turn and (self.secret is None) == (self.username is None):
            raise ValueError("a TURN server needs username and credential, or secret")
        return self


class Webrtc(Part):
    """Browser phones, by the HTTP door: they call numbers of the dialplans and can be called as
    `web:NAME`. Media comes to the UDP ports of `rtp`. Absent: none of it is loaded.
    """

    host: Host | None = Field(
        default=None, description="where media is received; default: rtp.host"
    )
    ice_servers: tuple[IceServer, ...] = Field(
        default=(), description="told to browsers; this server needs none to be reached"
    )
    to: Annotated[tuple[str, ...], OneOrMore] = Field(
        default=("*",), description="numbers that browsers may call, * is anything"
    )
    browser_calls: int = Field(default=20, ge=1, description="at a time; above: 503")
    calls_per_token: int = Field(default=5, ge=1, description="of one token; above: 503")
    listeners: int = Field(default=100, ge=1, description="pages that can be called at a time")
    captions: bool = Field(
        default=False, description="pages see what is said in their call, whatever their token"
    )
    tokens: int = Field(default=1000, ge=1, description="short-lived tokens at a time; above: 503")
