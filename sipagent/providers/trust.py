"""Trust: the certificates a vendor's server is judged by, read once for the process."""

import ssl
from functools import cache


@cache
def tls() -> ssl.SSLContext:
    """The trusted roots: reading them takes 20 ms, so the zygote does it before it forks."""
    return ssl.create_default_context()
