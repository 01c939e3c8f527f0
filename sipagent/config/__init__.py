"""The settings, one module a reason; everybody finds them here."""

from .api import ROLES, Api, ApiTls, Role, Scope, Token
from .guard import Bans, Connections, Guard
from .media import Media, Rtp
from .meeting import Parking, Queue
from .messages import Messages, SmsGateway
from .parts import Codec, DtmfMode, Hop, Host, Network, Port, Srtp
from .phone import Phone, Registrar
from .reading import load
from .relay import Relay, RelayProject
from .settings import Limits, Log, Provider, Settings, Store
from .sip import Certificate, Listener, Sip, Tls
from .speech import SpeechCache
from .trunk import Registration, Trunk
from .web import Web
from .webhooks import Webhook
from .webrtc import IceServer, Webrtc

__all__ = [
    "ROLES",
    "Api",
    "ApiTls",
    "Bans",
    "Certificate",
    "Codec",
    "Connections",
    "DtmfMode",
    "Guard",
    "Hop",
    "Host",
    "IceServer",
    "Limits",
    "Listener",
    "Log",
    "Media",
    "Messages",
    "Network",
    "Parking",
    "Phone",
    "Port",
    "Provider",
    "Queue",
    "Registrar",
    "Registration",
    "Relay",
    "RelayProject",
    "Role",
    "Rtp",
    "Scope",
    "Settings",
    "Sip",
    "SmsGateway",
    "SpeechCache",
    "Srtp",
    "Store",
    "Tls",
    "Token",
    "Trunk",
    "Web",
    "Webhook",
    "Webrtc",
    "load",
]
