"""TURN: what browsers are told of STUN and TURN servers, with users that end by themselves."""

import base64
import hashlib
import hmac

from sipagent.api.browsers import IceServerView
from sipagent.config import IceServer


def told(server: IceServer, name: str, now: float) -> IceServerView:
    """One server, for a browser of the token `name`; `now` in seconds since 1970. By a shared
    secret a user is made as coturn's `use-auth-secret` wants it: HMAC-SHA1 of EXPIRY:NAME.
    """
    username, credential = server.username, None
    if server.credential is not None:
        credential = server.credential.get_secret_value()
    if server.secret is not None:
        username = f"{int(now) + server.seconds}:{name}"
        key = server.secret.get_secret_value().encode()
        digest = hmac.new(key, username.encode(), hashlib.sha1).digest()
        credential = base64.b64encode(digest).decode()
    return IceServerView(urls=server.urls, username=username, credential=credential)
