"""Who can come in, and is that meant?"""

from collections.abc import Iterator, Sequence

from sipagent.api.keyring import digest_of
from sipagent.config import Settings, Token
from sipagent.doctor.check import Check
from sipagent.doctor.findings import Ailment, Finding, Severity, fine
from sipagent.doctor.patient import Patient
from sipagent.errors import ConfigError
from sipagent.legs.diagnosis import is_loopback, is_private

#: a network with so few bits holds more strangers than friends
_WIDE = {4: 8, 6: 32}
#: characters of a password that scanners do not get through
_SHORT = 12

OPEN_TO_ALL = Ailment(
    "guests-everybody",
    Severity.PROBLEM,
    "whoever finds the port may call without credentials; scanners find it within hours",
    "list the networks of your own phones and trunks; others register with a password",
)
GUARD_OFF = Ailment(
    "guard-off",
    Severity.WARNING,
    "the front door is open to other machines, and nothing bounds or bans scanners",
    "guard.enabled: true",
)
WEAK_PASSWORD = Ailment(
    "weak-password",
    Severity.WARNING,
    "a phone's password is short, or its own extension: scanners try such first",
    "take one of twelve characters or more, by chance",
)
TOKEN_MISSING = Ailment(
    "token-missing",
    Severity.PROBLEM,
    "a token's environment variable or file is not there, or too short: the server does not start",
    "set it; `sipagent token` makes one",
)
PLAIN_HTTP = Ailment(
    "plain-http",
    Severity.WARNING,
    "tokens and transcripts cross the network unencrypted",
    "set tls, or listen on 127.0.0.1 behind a proxy that has it",
)
CALLS_UNKNOWN = Ailment(
    "trunk-calls-refused",
    Severity.NOTE,
    "the trunk neither registers us nor has addresses: its calls are a stranger's, and refused",
    "set registration, or the addresses it calls from, where it is to call us",
)


async def _run(patient: Patient) -> Sequence[Finding]:
    settings = patient.settings
    found = [*_guests(settings), *_passwords(settings), *_tokens(settings), *_doors(settings)]
    found += _trunks(settings)
    guests = ", ".join(map(str, settings.sip.guests)) or "nobody"
    return found or [fine(f"without credentials may call: {guests}", "sip.guests")]


def _guests(settings: Settings) -> Iterator[Finding]:
    if all(is_loopback(listener.host) for listener in settings.sip.listen):
        return
    for network in settings.sip.guests:
        inside = is_private(str(network.network_address)) or network.is_loopback
        if network.prefixlen < _WIDE[network.version] and not inside:
            yield OPEN_TO_ALL.found(f"sip.guests has {network}", key="sip.guests")
    if not settings.guard.enabled:
        yield GUARD_OFF.found("the guard is off", key="guard.enabled")


def _passwords(settings: Settings) -> Iterator[Finding]:
    for name, phone in settings.phones.items():
        password = phone.password.get_secret_value()
        if name in password or len(password) < _SHORT:
            what = "holds its extension" if name in password else f"is below {_SHORT} characters"
            key = f"phones.{name}.password"
            yield WEAK_PASSWORD.found(f"the password of phone {name} {what}", key=key)


def _tokens(settings: Settings) -> Iterator[Finding]:
    known: dict[str, Token] = {}
    if settings.api is not None:
        known |= {f"api.tokens.{name}": token for name, token in settings.api.tokens.items()}
    if settings.relay is not None:
        known |= {f"relay.projects.{n}": token for n, token in settings.relay.projects.items()}
    for key, token in known.items():
        try:
            digest_of(token, key)
        except ConfigError as error:
            yield TOKEN_MISSING.found(error.findings[0].message, key=key)


def _doors(settings: Settings) -> Iterator[Finding]:
    for key, door in (("api", settings.api), ("relay", settings.relay)):
        if door is not None and door.tls is None and not _local(door.host):
            what = f"{key} listens on {door.host}:{door.port} without TLS"
            yield PLAIN_HTTP.found(what, key=f"{key}.tls")


def _trunks(settings: Settings) -> Iterator[Finding]:
    for name, trunk in settings.trunks.items():
        if trunk.registration is None and not trunk.addresses:
            what = f"{name} has neither registration nor addresses"
            yield CALLS_UNKNOWN.found(what, key=f"trunks.{name}.addresses")


def _local(host: str) -> bool:
    return is_loopback(host) or host == "localhost"


CHECK = Check(
    "access",
    "who may come in",
    _run,
    (OPEN_TO_ALL, GUARD_OFF, WEAK_PASSWORD, TOKEN_MISSING, PLAIN_HTTP, CALLS_UNKNOWN),
)
