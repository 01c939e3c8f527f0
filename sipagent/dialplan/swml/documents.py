"""Behind `Documents`: what a call reads while it is going on, inline or from a URL."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, Literal

from sipagent.call.documents import FETCH_SECONDS, Document
from sipagent.call.session import CallSession
from sipagent.call.web import Web, WebFailed, WebReply, WebRequest, without_secrets

from .call_object import call_object
from .reading import read_document
from .texts import MAX_BYTES

#: YAML of more than this takes a tenth of a second and more, which a call that talks has not got
_QUICK_BYTES = 16 << 10
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
        text = await ask(call.services.web, url, told, timeout)
        name = without_secrets(url)
        if len(text) > _QUICK_BYTES:
            return await asyncio.to_thread(read_document, text, name)
        return read_document(text, name)

    def _told(self, call: CallSession, params: Mapping[str, Any] | None) -> dict[str, Any]:
        envs = call.scope.get("envs", {})
        return {
            "call": call_object(call),
            "vars": call.scope.get("vars", {}),
            "envs": {name: value for name, value in envs.items() if name in self._shared},
            "params": dict(params or {}),
        }


async def ask(web: Web, url: str, told: Mapping[str, Any] | None, timeout: float) -> bytes:
    """The text of a document; `told` is posted, without it the URL is only read. Raises
    WebFailed.
    """
    method: Literal["GET", "POST"] = "GET" if told is None else "POST"
    accept = {"Accept": "application/json, application/yaml;q=0.9, */*;q=0.1"}
    request = WebRequest(url, method, accept, told, timeout=timeout, most=MAX_BYTES, by="swml")
    return _body(await web.ask(request))


def _body(reply: WebReply) -> bytes:
    if not reply.ok:
        why = _CAUSES.get(reply.status, "no document")
        raise WebFailed(f"{without_secrets(reply.url)}: answered {reply.status}: {why}")
    return reply.body
