"""The settings, one module a reason; everybody finds them here."""

from .media import Media, Rtp
from .meeting import Parking, Queue
from .parts import Codec, Hop, Host, Network, Port, Srtp
from .phone import Phone, Registrar
from .reading import load
from .settings import Limits, Log, Provider, Settings, Store
from .sip import Certificate, Listener, Sip, Tls
from .trunk import Registration, Trunk

__all__ = [
    "Certificate",
    "Codec",
    "Hop",
    "Host",
    "Limits",
    "Listener",
    "Log",
    "Media",
    "Network",
    "Parking",
    "Phone",
    "Port",
    "Provider",
    "Queue",
    "Registrar",
    "Registration",
    "Rtp",
    "Settings",
    "Sip",
    "Srtp",
    "Store",
    "Tls",
    "Trunk",
    "load",
]
