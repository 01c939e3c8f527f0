"""Connecting: the settings in the words of NATS' own client."""

import ssl
from typing import Any

from sipagent.config import Nats


def options(settings: Nats, ping: float, connect: float) -> dict[str, Any]:
    """What NATS' client is told: `ping` seconds between two, `connect` seconds to come about. A
    connection ends with the first error: whoever wants one makes the next.
    """
    options: dict[str, Any] = {
        "servers": list(settings.servers),
        "allow_reconnect": False,
        "max_reconnect_attempts": 1,
        "connect_timeout": connect,
        "ping_interval": ping,
        "max_outstanding_pings": 2,
        "user": settings.user,
        "password": settings.password and settings.password.get_secret_value(),
        "token": settings.token and settings.token.get_secret_value(),
    }
    if settings.tls is not None:
        tls = ssl.create_default_context(cafile=settings.tls.authorities)
        if settings.tls.certificate is not None:
            tls.load_cert_chain(settings.tls.certificate, settings.tls.key)
        options["tls"] = tls
    return options
