"""Secrets: what a caller typed and nobody may read, by name, in this process's memory only."""

import re
from collections.abc import Iterable

from pydantic import SecretStr


class Secrets:
    """Held from when they were typed until a tool has used them or the call is over. No event, no
    variable of the plan and no message to another process carries one; `repr` shows names.
    """

    def __init__(self) -> None:
        self._held: dict[str, SecretStr] = {}

    def __repr__(self) -> str:
        return f"Secrets({', '.join(self._held)})"

    def __contains__(self, name: str) -> bool:
        return name in self._held

    def keep(self, name: str, value: str) -> None:
        """Hold a value under a name, in place of one that was held there."""
        self._held[name] = SecretStr(value)

    def get(self, name: str) -> SecretStr | None:
        """For a tool that declares it: see `tools.functions`."""
        return self._held.get(name)

    def wipe(self, names: Iterable[str] | None = None) -> None:
        """Forget these, or all of them."""
        for name in tuple(self._held if names is None else names):
            self._held.pop(name, None)

    def scrub(self, text: str) -> str:
        """The text with every secret in it, also one written in groups, by its name in brackets."""
        for name, secret in self._held.items():
            pattern = r"[ .\-]?".join(re.escape(key) for key in secret.get_secret_value())
            text = re.sub(pattern, f"[{name}]", text)
        return text
