"""SharedData: what functions keep of a call: global data for all, metadata by scope."""

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from sipagent.errors import CallError

#: bytes of JSON that global data, and the metadata of one scope, may come to
MOST = 1 << 18
#: scopes of metadata in one call
SCOPES = 200
_GLOBAL, _META = "global_data", "meta_data"


class SharedData:
    """A view on a call's scope: `${global_data.x}` is what templates see of it. Keys are merged at
    the top level only, as SWML does. What is handed out, or kept, is a copy.
    """

    def __init__(self, scope: dict[str, Any]) -> None:
        self._scope = scope

    @property
    def global_data(self) -> dict[str, Any]:
        """Of the whole call."""
        return deepcopy(_mapping(self._scope.get(_GLOBAL)))

    def set_global(self, data: Mapping[str, Any]) -> None:
        """Merge. Raises CallError where it would be too much: nothing is changed then."""
        self._scope[_GLOBAL] = _merged(self._scope.get(_GLOBAL), data, "global_data")

    def unset_global(self, keys: Iterable[str]) -> None:
        """Drop keys; those that are not there are no mistake."""
        self._scope[_GLOBAL] = _without(self._scope.get(_GLOBAL), keys)

    def metadata(self, token: str) -> dict[str, Any]:
        """Of the functions that share a token."""
        return deepcopy(_mapping(self._scopes.get(token)))

    def set_metadata(self, token: str, data: Mapping[str, Any]) -> None:
        """Merge. Raises CallError where it would be too much, or there are too many scopes."""
        scopes = self._scopes
        if token not in scopes and len(scopes) >= SCOPES:
            raise CallError(f"more than {SCOPES} scopes of metadata in one call")
        scopes[token] = _merged(scopes.get(token), data, "meta_data")

    def unset_metadata(self, token: str, keys: Iterable[str]) -> None:
        """Drop keys; those that are not there are no mistake."""
        if token in self._scopes:
            self._scopes[token] = _without(self._scopes[token], keys)

    @property
    def _scopes(self) -> dict[str, Any]:
        scopes: dict[str, Any] = self._scope.setdefault(_META, {})
        return scopes


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _merged(before: Any, data: Mapping[str, Any], name: str) -> dict[str, Any]:
    merged = _mapping(before) | {str(key): deepcopy(value) for key, value in data.items()}
    try:
        size = len(json.dumps(merged).encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise CallError(f"{name} holds what is no JSON: {error}") from error
    if size > MOST:
        raise CallError(f"{name} would be {size} bytes; {MOST} are allowed")
    return merged


def _without(before: Any, keys: Iterable[str]) -> dict[str, Any]:
    gone = set(keys)
    return {key: value for key, value in _mapping(before).items() if key not in gone}
