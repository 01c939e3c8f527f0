"""Events of what was asked on the web for a call."""

from typing import Literal

from .base import Base, Personal


class WebAsked(Base):
    """A request left for a URL of the plan, an agent or a function. `host` is with its port where
    that is unusual; user, password and query are told nobody. `status` is None where no answer
    came, and `error` says why; `bytes` is the body's.
    """

    type: Literal["web_asked"] = "web_asked"
    by: str = ""
    method: str
    host: str
    path: Personal
    status: int | None = None
    ms: int
    bytes: int = 0
    error: str = ""
