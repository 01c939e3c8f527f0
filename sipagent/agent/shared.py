"""Shared data: what an agent brings into `${global_data}` of its call."""

from sipagent.call.session import CallSession

from .spec import AgentSpec

GLOBAL_DATA = "global_data"


def bring_data(call: CallSession, spec: AgentSpec) -> None:
    """Merge the agent's own into the call's, with who calls; what an earlier agent left goes first
    where this one does not keep it.
    """
    data = call.scope.setdefault(GLOBAL_DATA, {})
    if not spec.persist_global_data:
        data.clear()
    told = call.scope.get("call")
    number = told.get("from") if isinstance(told, dict) else None
    data.setdefault("caller_id_name", "")
    data.setdefault("caller_id_number", str(number or call.caller.info.remote))
    data |= dict(spec.global_data)
