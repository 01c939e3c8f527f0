"""Our certificates, and those that trunks show us."""

import asyncio
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sipagent.config import Settings, Trunk
from sipagent.doctor.aside import aside
from sipagent.doctor.check import Check
from sipagent.doctor.findings import Ailment, Finding, Severity, fine
from sipagent.doctor.outpost import public_host
from sipagent.doctor.patient import Patient
from sipagent.edge.names import is_address
from sipagent.edge.tls import BadCertificate, Tls, fits, in_words

_SOON = timedelta(days=21)
_PATIENCE = 5.0

UNREADABLE = Ailment(
    "certificate-unreadable",
    Severity.PROBLEM,
    "a file of the certificate is missing, not PEM, or its key asks for a password",
    "set the files; a key must stand there without a password, readable by the server's user only",
)
EXPIRED = Ailment(
    "certificate-expired",
    Severity.PROBLEM,
    "the certificate is no longer valid: peers that verify it refuse us",
    "renew it, and `sipagent reload`: live connections stay",
)
NOT_YET = Ailment(
    "certificate-not-yet-valid",
    Severity.PROBLEM,
    "the certificate is valid from a later moment on, or this machine's clock is behind",
    "set the clock (see the check `clock`), or take the certificate that is valid now",
)
EXPIRES = Ailment(
    "certificate-expires",
    Severity.WARNING,
    "the certificate ends within three weeks",
    "renew it, and `sipagent reload`; see that this happens by itself from now on",
)
WRONG_KEY = Ailment(
    "certificate-key-mismatch",
    Severity.PROBLEM,
    "the private key is not the certificate's",
    "set the key that the certificate was asked for with",
)
WRONG_NAME = Ailment(
    "certificate-name-mismatch",
    Severity.WARNING,
    "the certificate is not for the name that peers connect to: those that verify it refuse us",
    "take a certificate whose subjectAltName has that name (RFC 5922)",
)
SELF_SIGNED = Ailment(
    "certificate-self-signed",
    Severity.NOTE,
    "nobody vouches for the certificate: peers must be given it beforehand",
    "take one of a CA that peers know",
)
PEER_REFUSED = Ailment(
    "trunk-certificate-refused",
    Severity.PROBLEM,
    "the trunk's certificate does not prove the name in `host`: expired, for another name, or of a "
    "CA this machine does not know",
    "set `host` to the name in its certificate, or its CA under sip.tls.authorities",
)
PEER_EXPIRES = Ailment(
    "trunk-certificate-expires",
    Severity.NOTE,
    "the trunk's certificate ends within three weeks: then no call goes that way",
    "ask whoever runs the trunk",
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Files of a certificate and its key, the names it must be good for, and its setting."""

    certificate: Path
    key: Path
    names: tuple[str, ...]
    setting: str


def pairs(settings: Settings) -> Iterator[Pair]:
    """Every certificate of the settings."""
    public = public_host(settings)
    wanted = (public,) if public and not is_address(public) else ()
    for number, known in enumerate(settings.sip.tls.certificates):
        names = known.names or (wanted if number == 0 else ())
        setting = f"sip.tls.certificates[{number}]"
        yield Pair(known.certificate, known.key, names, setting)
    if settings.api is not None and settings.api.tls is not None:
        local = {"localhost", "127.0.0.1", "[::1]"}
        hosts = tuple(host for host in settings.api.hosts if host not in local)
        yield Pair(settings.api.tls.certificate, settings.api.tls.key, hosts, "api.tls")
    if settings.relay is not None and settings.relay.tls is not None:
        yield Pair(settings.relay.tls.certificate, settings.relay.tls.key, (), "relay.tls")


async def _run(patient: Patient) -> Sequence[Finding]:
    settings, now = patient.settings, datetime.now(UTC)
    own = await aside(lambda: [f for pair in pairs(settings) for f in judged(pair, now)])
    secure = {n: t for n, t in settings.trunks.items() if t.transport == "tls"}
    if secure:
        try:
            context = Tls(settings.sip.tls).calling
        except BadCertificate as error:
            return own or [UNREADABLE.found(str(error), key="sip.tls")]
        asked = (_shown(name, trunk, context, now) for name, trunk in secure.items())
        own += [finding for found in await asyncio.gather(*asked) for finding in found]
    return own or [fine("no TLS is used")]


def judged(pair: Pair, now: datetime) -> list[Finding]:
    """What there is to say of one pair at that moment."""
    try:
        chain = x509.load_pem_x509_certificates(pair.certificate.read_bytes())
        key = load_pem_private_key(pair.key.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        words = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else str(error)
        return [UNREADABLE.found(f"{pair.certificate.name}: {words}", key=pair.setting)]
    own, shown = chain[0], pair.certificate.name
    found = list(_times(own, shown, pair.setting, now))
    if own.public_key() != key.public_key():
        what = f"{pair.key.name} does not belong to {shown}"
        found.append(WRONG_KEY.found(what, key=f"{pair.setting}.key"))
    has = _names(own)
    for name in pair.names:
        if not any(fits(name.lower(), pattern.lower()) or name == pattern for pattern in has):
            what = f"{shown} is for {', '.join(has) or 'no name'}, and peers ask for {name}"
            found.append(WRONG_NAME.found(what, key=pair.setting))
    if own.issuer == own.subject:
        found.append(SELF_SIGNED.found(f"{shown} is signed by itself", key=pair.setting))
    until = f"{own.not_valid_after_utc:%Y-%m-%d}"
    return found or [fine(f"{shown}: {', '.join(has)}, until {until}", pair.setting)]


def _times(own: x509.Certificate, shown: str, setting: str, now: datetime) -> Iterator[Finding]:
    end, begin = own.not_valid_after_utc, own.not_valid_before_utc
    if end < now:
        yield EXPIRED.found(f"{shown} expired on {end:%Y-%m-%d %H:%M} UTC", key=setting)
    elif begin > now:
        yield NOT_YET.found(f"{shown} is valid from {begin:%Y-%m-%d %H:%M} UTC on", key=setting)
    elif end - now < _SOON:
        what = f"{shown} ends on {end:%Y-%m-%d}, in {(end - now).days} days"
        yield EXPIRES.found(what, key=setting)


def _names(own: x509.Certificate) -> list[str]:
    try:
        names = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    hosts = list(names.get_values_for_type(x509.DNSName))
    return hosts + [str(a) for a in names.get_values_for_type(x509.IPAddress)]


async def _shown(name: str, trunk: Trunk, context: ssl.SSLContext, now: datetime) -> list[Finding]:
    """Shake hands with a trunk. Silence is told by the check of trunks."""
    key = f"trunks.{name}"
    try:
        async with asyncio.timeout(_PATIENCE):
            _, writer = await asyncio.open_connection(
                trunk.host, trunk.port or 5061, ssl=context, server_hostname=trunk.host
            )
    except ssl.SSLCertVerificationError as error:
        return [PEER_REFUSED.found(f"trunk {name}: {in_words(error, trunk.host)}", key=key)]
    except OSError:  # TimeoutError is one
        return []
    shown = writer.get_extra_info("peercert") or {}
    writer.transport.abort()
    end = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)
    if end - now < _SOON:
        what = f"trunk {name}: the certificate of {trunk.host} ends on {end:%Y-%m-%d}"
        return [PEER_EXPIRES.found(what, key=key)]
    return [fine(f"trunk {name}: {trunk.host} proves its name, until {end:%Y-%m-%d}", key)]


CHECK = Check(
    "certificates",
    "TLS certificates",
    _run,
    (
        *(UNREADABLE, EXPIRED, NOT_YET, EXPIRES, WRONG_KEY, WRONG_NAME, SELF_SIGNED),
        *(PEER_REFUSED, PEER_EXPIRES),
    ),
)
