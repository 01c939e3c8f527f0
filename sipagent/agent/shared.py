"""What an agent brings into `${global_data}` of its call."""

from sipagent.call.caller_id import caller_id
from sipagent.call.session import CallSession
from sipagent.call.shared_data import SharedData
from sipagent.errors import CallError
from sipagent.events import Warned

from .spec import AgentSpec


def bring_data(call: CallSession, spec: AgentSpec) -> None:
    """Merge the agent's own into the call's, with who calls; what an earlier agent left goes first
    where this one does not keep it.
    """
    shared = SharedData(call.scope)
    if not spec.persist_global_data:
        shared.unset_global(shared.global_data)
    who = caller_id(call)
    caller = {"caller_id_name": who.name, "caller_id_number": who.number}
    try:
        shared.set_global({**caller, **shared.global_data, **spec.global_data})
    except CallError as error:
        call.emit(Warned, code="global_data", detail=str(error))
