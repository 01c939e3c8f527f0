"""TLS: who we are and whom we believe, by certificates that can be read again at any time."""

import ssl
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import TypeVar

from sipagent.config import Certificate
from sipagent.config import Tls as TlsSettings
from sipagent.errors import SipAgentError

T = TypeVar("T")
_LEAST = ssl.TLSVersion.TLSv1_2
_VERIFY = {
    "off": ssl.CERT_NONE,
    "optional": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}


class BadCertificate(SipAgentError):
    """A certificate, key or CA file that cannot be used."""


class Tls:
    """Contexts of both roles. Raises BadCertificate.

    Listeners hold `listening` for ever; each handshake picks from what was read last, so that a
    reload touches no connection that stands.
    """

    def __init__(self, settings: TlsSettings) -> None:
        self._settings = settings
        self.listening = self._server()
        self.listening.sni_callback = self._choose
        self.reload()

    def reload(self) -> None:
        """Read the files again. Raises BadCertificate, with nothing changed."""
        known = [(c.names, self._loaded(c)) for c in self._settings.certificates]
        client = _reading(self._settings.authorities, self._client)
        self._certified, self._calling = known, client

    @property
    def calling(self) -> ssl.SSLContext:
        """For connections we make: the far end must prove the name we called it by."""
        return self._calling

    def _choose(
        self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext
    ) -> int | None:
        """Called in each handshake, without a name too (RFC 6066 section 3)."""
        if not self._certified:
            return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
        wanted = (name or "").lower()
        for patterns, context in self._certified:
            if any(fits(wanted, pattern.lower()) for pattern in patterns):
                connection.context = context
                return None
        connection.context = self._certified[0][1]
        return None

    def _server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _LEAST
        context.verify_mode = _VERIFY[self._settings.clients]
        return context

    def _loaded(self, certificate: Certificate) -> ssl.SSLContext:
        context = self._server()
        _load(context, certificate)
        if self._settings.clients != "off":
            authorities = self._settings.authorities

            def believe() -> None:
                if authorities is None:
                    context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
                else:
                    context.load_verify_locations(authorities)

            _reading(authorities, believe)
        return context

    def _client(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._settings.authorities)
        context.minimum_version = _LEAST
        if self._settings.certificates:  # a peer may ask who we are
            _load(context, self._settings.certificates[0])
        return context


def in_words(error: OSError, name: str) -> str:
    """Why no connection came about, for a log and a SIP reason phrase."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate shown for {name} is refused: {error.verify_message.rstrip('.')}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS with {name}: {error.reason or error}"
    return str(error) or "no answer in time"


def _load(context: ssl.SSLContext, certificate: Certificate) -> None:
    # an empty password: a key that needs one is an error, not a question at the terminal
    _reading(
        certificate.certificate,
        lambda: context.load_cert_chain(certificate.certificate, certificate.key, password=""),
    )


def _reading(file: Path | None, read: Callable[[], T]) -> T:
    try:
        return read()
    except (OSError, ValueError) as error:  # SSLError is an OSError
        reason = error.reason if isinstance(error, ssl.SSLError) else str(error)
        raise BadCertificate(f"{file}: {reason}") from error


def fits(name: str, pattern: str) -> bool:
    """Is a certificate of that pattern for the name? `*` is one label (RFC 6125 section 6.4.3)."""
    return fnmatch(name, pattern) and name.count(".") == pattern.count(".")
