"""Functions of an agent: what its declaration says of them, in the words of their own room."""

from sipagent.agent.spec import AgentSpec
from sipagent.tools.swaig.rules import Rules


def rules_of(spec: AgentSpec) -> Rules:
    """What its functions may do, and are told."""
    functions, reports = spec.functions, spec.reports
    named = {} if reports is None else {"app_name": reports.app_name}
    return Rules(
        allow_swml=functions.swaig_allow_swml,
        allow_settings=functions.swaig_allow_settings,
        set_global_data=functions.swaig_set_global_data,
        post_conversation=functions.swaig_post_conversation,
        post_swml_vars=functions.swaig_post_swml_vars,
        conversation_id=None if reports is None else reports.conversation_id,
        hold_music=functions.hold_music,
        poll_seconds=functions.input_poll_freq / 1000,
        gates=functions.semantic_gates_enabled,
        gate_seconds=functions.semantic_gate_timeout_ms / 1000,
        gate_history=functions.semantic_gate_history,
        **named,
    )
