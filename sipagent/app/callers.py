"""Callers: the key under which the database knows them, of this server or of a whole cluster."""

import hmac

from sipagent.config import Settings
from sipagent.store.memories import MemoryBook


def caller_key(settings: Settings, own: bytes) -> bytes:
    """Of all nodes where `cluster.secret` stands; else `own`, the secret of this server's state."""
    if settings.cluster is None or settings.cluster.secret is None:
        return own
    shared = settings.cluster.secret.get_secret_value().encode()
    return hmac.digest(shared, b"sipagent callers", "sha256")


def memory_book(settings: Settings, own: bytes, *, upgrade: bool = True) -> MemoryBook:
    """What agents remember of callers; what this server had before it shared a secret can be
    forgotten, too. Raises ConfigError.
    """
    key = caller_key(settings, own)
    former = () if key == own else (own,)
    return MemoryBook(settings.store.database, key, former=former, upgrade=upgrade)
