"""RemoteCall: the call of a function that runs elsewhere. What it does becomes SWAIG actions."""

import json
import logging
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from sipagent.call.secrets import Secrets
from sipagent.call.verb import Outcome, Verb

log = logging.getLogger(__name__)
#: verbs after which the agent has nothing more to do in the call
_FINAL = frozenset({"transfer", "connect", "sip_refer", "enter_queue"})
#: actions that one function may ask for
_MOST = 32
_LATER = "it will be done when this function has returned"


class RemoteCall:
    """In the place of a CallControl: `do` takes the same verbs and keeps them as actions of the
    answer. The gateway does them when the function has returned, under its own policy: how they
    come out is not known here, so every outcome says `ok`.
    """

    by = "function"

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.call = RemoteSession(body)
        self._actions: list[dict[str, Any]] = []
        self._global_data = deepcopy(self.call.scope["global_data"])

    async def do(self, verb: Verb) -> Outcome:
        """Ask the gateway for it."""
        if len(self._actions) >= _MOST:
            return Outcome(False, f"one function may ask for {_MOST} actions")
        self._actions.append(_action(verb))
        return Outcome(detail=_LATER)

    @property
    def actions(self) -> list[dict[str, Any]]:
        """What was asked for, in order, behind what became of the call's data."""
        before, now = self._global_data, self.call.scope["global_data"]
        changed = {key: value for key, value in now.items() if before.get(key, ...) != value}
        gone = [key for key in before if key not in now]
        data: list[dict[str, Any]] = []
        if changed:
            data.append({"set_global_data": changed})
        if gone:
            data.append({"unset_global_data": gone})
        return data + self._actions


class RemoteSession:
    """What a function may know of the call: `id`, and in `scope` its `vars`, `call` and
    `global_data` as far as the gateway sent them. Changes to `global_data` are told the gateway.
    """

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.id = str(body.get("call_id", ""))
        #: nobody types a secret here
        self.secrets = Secrets()
        self.scope: dict[str, dict[str, Any]] = {
            "vars": _mapping(body.get("SWMLVars")),
            "call": _mapping(body.get("SWMLCall")),
            "global_data": _mapping(body.get("global_data")),
        }

    def emit(self, kind: type, **fields: Any) -> None:
        """There is no record here but the log."""
        log.warning("%s %s", kind.__name__, json.dumps(fields, default=str))


def _action(verb: Verb) -> dict[str, Any]:
    if verb.name == "hangup":
        return {"hangup": True}
    told = verb.model_dump(mode="json", by_alias=True, exclude_unset=True)
    name, value = verb.name, told if verb.whole is None else told.get(verb.whole)
    if name == "transfer" and told.get("to"):
        # to a party: the name that every platform knows it by
        name, value = "connect", {"to": told["to"]}
    document = {"version": "1.0.0", "sections": {"main": [{name: value}]}}
    return {"SWML": document, "transfer": "true"} if name in _FINAL else {"SWML": document}


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}
