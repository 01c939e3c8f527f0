"""The settings, one module a reason; everybody finds them here."""

from .api import ROLES, Api, ApiTls, Role, Scope, Token
from .audit import AuditChain
from .cluster import Cluster, Front, Nats
from .encryption import Encryption
from .guard import Bans, Connections, Guard
from .logs import Log
from .media import Media, Rtp
from .meeting import Parking, Queue
from .messages import Messages, SmsGateway
from .parts import Codec, Hop, Host, Network, Port
from .phone import Phone, Registrar
from .reading import doubts, load
from .relay import Relay, RelayProject
from .retention import Keep, KeepRule, Retention
from .settings import Limits, Provider, Settings, Store
from .sip import Certificate, Listener, Sip, Tls
from .speech import SpeechCache
from .trunk import Registration, Trunk
from .upload import Upload
from .web import Web
from .webhooks import Webhook
from .webrtc import IceServer, Webrtc

__all__ = [
    "ROLES",
    "Api",
    "ApiTls",
    "AuditChain",
    "Bans",
    "Certificate",
    "Cluster",
    "Codec",
    "Connections",
    "DtmfMode",
    "Encryption",
    "Front",
    "Guard",
    "Hop",
    "Host",
    "IceServer",
    "Keep",
    "KeepRule",
    "Limits",
    "Listener",
    "Log",
    "Media",
    "Messages",
    "Nats",
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
    "Retention",
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
    "Upload",
    "Web",
    "Webhook",
    "Webrtc",
    "doubts",
    "load",
]
