"""Behind `Documents`: what a call reads while it is going on, inline or from a URL."""

from collections.abc import Collection, Mapping
from typing import Any, Literal

from sipagent.call.documents import FETCH_SECONDS, Document
from sipagent.call.session import CallSession
from sipagent.call.web import WebFailed, WebReply, WebRequest, without_secrets

from .call_object import call_object
from .reading import read_document
from .texts import MAX_BYTES

#: what an answer's status says to whoever runs the server
_CAUSES = {
    401: "the user and password of the URL are not accepted",
    403: "refused: is a signing key wanted? see web.signing_keys",
    404: "there is nothing at this path",
    405: "it does not take this method",
    415: "it does not take JSON",
}


class SwmlDocuments:
    """See `Documents`. `shared` names what of `envs` a server is told. Nothing is cached: a
    document belongs to the call it was made for.
    """

    def __init__(self, shared: Collection[str] = ()) -> None:
        self._shared = frozenset(shared)

    def read(self, raw: Any, name: str) -> Document:
        """See `Documents`."""
        return read_document(raw, name)

    async def fetch(
        self,
        url: str,
        call: CallSession,
        params: Mapping[str, Any] | None = None,
        *,
        method: Literal["GET", "POST"] = "POST",
        timeout: float = FETCH_SECONDS,
    ) -> Document:
        """See `Documents`."""
        told = self._told(call, params) if method == "POST" else None
        accept = {"Accept": "application/json, application/yaml;q=0.9, */*;q=0.1"}
        request = WebRequest(url, method, accept, told, timeout=timeout, most=MAX_BYTES, by="swml")
        reply = await call.services.web.ask(request)
        return read_document(_body(reply), without_secrets(url))

    def _told(self, call: CallSession, params: Mapping[str, Any] | None) -> dict[str, Any]:
        envs = call.scope.get("envs", {})
        return {
            "call": call_object(call),
            "vars": call.scope.get("vars", {}),
            "envs": {name: value for name, value in envs.items() if name in self._shared},
            "params": dict(params or {}),
        }


def _body(reply: WebReply) -> bytes:
    if not reply.ok:
        why = _CAUSES.get(reply.status, "no document")
        raise WebFailed(f"{without_secrets(reply.url)}: answered {reply.status}: {why}")
    return reply.body
