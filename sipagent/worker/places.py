"""Places: what stands in a Refer-To, towards this caller and from any far end."""

from sipagent.call.target import PHONES, normalise
from sipagent.config import Settings, Trunk

#: the user part of a worker's own Contact
_CONTACT = "w."


class ServerPlaces:
    """`Places` of one call. `account` is the phone or trunk the caller came as, `remote` their
    URI.
    """

    def __init__(self, settings: Settings, account: str | None, remote: str) -> None:
        self._here = settings.sip.public_address or ""
        self._extensions = frozenset(settings.phones)
        self._phone = account in self._extensions
        self._trunk: Trunk | None = settings.trunks.get(account) if account else None
        self._remote = remote

    def written(self, target: str) -> str:
        """A phone of ours at our own address; a number where the caller's side dials numbers: at
        their trunk as it writes them, here for a phone, else at their own domain.
        """
        known = normalise(target, self._extensions)
        user, _, host = known.partition(":")[2].rpartition("@")
        if host == PHONES:
            return f"sip:{user}@{self._here}"
        if not known.startswith("tel:"):
            return known
        number = known[4:]
        if self._phone:
            return f"sip:{number}@{self._here}"
        trunk = self._trunk
        if trunk is None:
            return f"sip:{number}@{self._remote.rpartition('@')[2].partition(';')[0]}"
        dialled = trunk.numbers.dialled(number) if trunk.numbers else number
        host = f"[{trunk.host}]" if ":" in trunk.host else trunk.host
        return f"sip:{dialled}@{host}{f':{trunk.port}' if trunk.port else ''}"

    def read(self, uri: str) -> str:
        """See `Places`."""
        known = normalise(uri, self._extensions)
        user, here = self._split(known)
        if not here:
            return known
        if user in self._extensions or user.startswith("+"):
            return normalise(user, self._extensions)
        return known

    def is_ours(self, uri: str) -> bool:
        """See `Places`."""
        user, here = self._split(normalise(uri))
        return here and user.startswith(_CONTACT)

    def _split(self, known: str) -> tuple[str, bool]:
        """The user part, and whether the host is ours."""
        user, _, host = known.partition(":")[2].rpartition("@")
        return user, self._here in (host, f"{host}:5060")
