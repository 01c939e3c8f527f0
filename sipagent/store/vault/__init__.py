"""The files of bundles: written and read here only, sealed where the settings have a key."""

from .files import PLAIN, Elsewhere, Files, Stored, label
from .form import Damaged
from .keys import KeyMissing, Keyring, KeyWrong, VaultError

__all__ = [
    "PLAIN",
    "Damaged",
    "Elsewhere",
    "Files",
    "KeyMissing",
    "KeyWrong",
    "Keyring",
    "Stored",
    "VaultError",
    "label",
]
