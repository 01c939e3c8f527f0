"""includes: functions another server declares itself, asked for at the beginning of a talk."""

from collections.abc import Mapping, Sequence
from typing import Any

from sipagent.call.session import CallSession
from sipagent.call.web import WebFailed, without_secrets
from sipagent.events import Warned

from .request import signature_request
from .spec import FunctionSpec, Include, SwaigSpec
from .webhook import asked

#: seconds an answer is used again for
_KEPT = 60.0
#: answers kept at most
_MOST = 100


class Includes:
    """Asks servers for their functions, each once a minute. One a process."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], tuple[float, tuple[FunctionSpec, ...]]] = {}

    async def functions(self, include: Include, call: CallSession) -> tuple[FunctionSpec, ...]:
        """Those of one include, as their server declares them; none where it does not tell, and
        on record why.
        """
        now = call.services.now().timestamp()
        key = (include.url, include.auth_user, include.auth_password, include.functions)
        at, found = self._known.get(key, (0.0, ()))
        if now - at < _KEPT:
            return found
        try:
            reply = await asked(call, signature_request(include))
            declared = reply.json() if reply.ok else None
        except (WebFailed, ValueError, RecursionError) as error:
            _warn(call, f"an include was not read: {error}")
            return ()
        if not reply.ok:
            _warn(
                call,
                f"an include was not read: HTTP {reply.status} from {without_secrets(reply.url)}",
            )
            return ()
        found = _functions(declared, include, call)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[key] = (now, found)
        return found


def _functions(declared: Any, include: Include, call: CallSession) -> tuple[FunctionSpec, ...]:
    items: Sequence[Any] = declared if isinstance(declared, list) else [declared]
    spec = SwaigSpec.model_validate({"functions": [dict(i) for i in items if _is_one(i)]})
    for remark in spec.remarks:
        _warn(call, f"included: {remark}")
    own = {
        "web_hook_url": include.url,
        "web_hook_auth_user": include.auth_user,
        "web_hook_auth_password": include.auth_password,
    }
    wanted = set(include.functions)
    return tuple(
        one if one.web_hook_url or one.data_map else one.model_copy(update=own)
        for one in spec.functions
        if not wanted or one.function in wanted
    )


def _is_one(item: Any) -> bool:
    return isinstance(item, Mapping) and ("function" in item or "name" in item)


def _warn(call: CallSession, detail: str) -> None:
    call.emit(Warned, code="swaig", detail=detail)
