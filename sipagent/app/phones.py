"""Phones: browser phones as the HTTP door is given them, where the settings want them."""

import time

from sipagent.api.doors import Phones
from sipagent.api.short_tokens import ShortTokens
from sipagent.config import Settings, Webrtc
from sipagent.edge.routing import route_address
from sipagent.store.journal import Journal

from .browsers import BrowserDesk


def phones_of(settings: Settings, journal: Journal, desk: BrowserDesk) -> Phones | None:
    """None where the settings have no `webrtc`."""
    if settings.webrtc is None:
        return None
    tokens = ShortTokens(journal, settings.webrtc.tokens, time.time)
    tokens.on_revoked = desk.revoked
    return Phones(desk, tokens)


def bound(webrtc: Webrtc | None, rtp_host: str) -> Webrtc | None:
    """With the address that browsers are told: "everywhere" is none."""
    if webrtc is None:
        return None
    return webrtc.model_copy(update={"host": route_address(webrtc.host or rtp_host)})
