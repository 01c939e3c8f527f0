"""Through: trunks are reached by the proxy in front of all nodes, where there is one."""

import hashlib
import secrets
from collections.abc import Mapping

from sipagent.config import Settings, Trunk


def trunks_of(settings: Settings) -> Mapping[str, Trunk]:
    """The trunks as they are to be reached: by UDP through the front, which they know, unless
    their settings name a transport or a proxy of their own.
    """
    front = settings.cluster.front if settings.cluster is not None else None
    if front is None:
        return settings.trunks
    by_front = {"outbound_proxy": f"sip:{front.address}"}
    return {
        name: trunk.model_copy(update=by_front) if _led(trunk) else trunk
        for name, trunk in settings.trunks.items()
    }


def line_of(name: str, trunk: Trunk) -> str:
    """What marks the Contact we register at a trunk: the same at every node, since a call to it
    may come to any of them, and nobody's guess. Without a password to make it of it is new with
    each start, and the trunk is known by its `addresses` or by who granted the registration.
    """
    if trunk.password is None:
        return secrets.token_hex(8)
    key = trunk.password.get_secret_value().encode()[:64]
    told = f"{name}\n{trunk.host}\n{trunk.username}".encode()
    return hashlib.blake2b(told, key=key, digest_size=8, person=b"line").hexdigest()


def _led(trunk: Trunk) -> bool:
    return trunk.outbound_proxy is None and trunk.transport in (None, "udp")
