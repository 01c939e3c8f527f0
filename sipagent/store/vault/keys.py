"""Keyring: master keys by name, which wrap the keys of files."""

from collections.abc import Mapping

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from sipagent.errors import SipAgentError


class VaultError(SipAgentError):
    """A file of a bundle cannot be read, or not be sealed."""


class KeyMissing(VaultError):
    """Sealed with a key that the settings do not have."""


class KeyWrong(VaultError):
    """The settings have a key of that name, and it is another one."""


class Keyring:
    """AES-256 keys. What is new is sealed with `current`; the others open what is old."""

    def __init__(self, keys: Mapping[str, bytes], current: str) -> None:
        """32 bytes each; `current` is one of the names."""
        self._keys = dict(keys)
        self.current = current

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(self._keys)

    def wrap(self, key: bytes) -> bytes:
        """A file's key, 32 bytes, as 40 that only `current` opens (RFC 3394)."""
        return aes_key_wrap(self._keys[self.current], key)

    def unwrap(self, name: str, wrapped: bytes) -> bytes:
        """The key of a file. Raises KeyMissing, KeyWrong."""
        master = self._keys.get(name)
        if master is None:
            raise KeyMissing(
                f"it is sealed with the key {name!r}, which store.encryption.keys does not have"
            )
        try:
            return aes_key_unwrap(master, wrapped)
        except (InvalidUnwrap, ValueError) as error:
            raise KeyWrong(
                f"the key {name!r} of store.encryption.keys is not the one it was sealed with"
            ) from error
