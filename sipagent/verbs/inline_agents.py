"""Inline agents: templates in an SWML `ai` object that are filled once, when its talk begins."""

from collections.abc import Mapping
from typing import Any

from sipagent.call.session import CallSession

#: filled once; all else is filled whenever it is said or asked, or is none of our templates
_ONCE = ("params", "languages", "hints", "pronounce", "post_prompt_url")
#: of the parameters, those that are filled when they are said
_LATER = frozenset({"static_greeting", "conscience"})
_DATA = "global_data"


def filled(ai: Mapping[str, Any], call: CallSession) -> dict[str, Any]:
    """The object with its settings filled from the call; its own global data counts already.

    Raises PlanError.
    """
    expand, scope = call.services.expressions.expand, dict(call.scope)
    known = dict(ai)
    if isinstance(own := known.get(_DATA), Mapping):
        known[_DATA] = expand(own, scope)
        scope[_DATA] = {**(scope.get(_DATA) or {}), **known[_DATA]}
    for key in _ONCE:
        value = known.get(key)
        if isinstance(value, Mapping):
            later = {name: value[name] for name in _LATER & value.keys()}
            known[key] = {**expand(value, scope), **later}
        elif value is not None:
            known[key] = expand(value, scope)
    return known
