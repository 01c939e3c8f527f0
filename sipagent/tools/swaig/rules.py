"""Rules: what the functions of one agent may do, and what they are told."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """The `swaig_*` params of SWML and what goes with them; all as in a document without any."""

    allow_swml: bool = True
    allow_settings: bool = True
    set_global_data: bool = True
    #: send the conversation with every request
    post_conversation: bool = False
    #: send the plan's variables and the call object: all, or these variables
    post_swml_vars: bool | tuple[str, ...] = False
    app_name: str = "swml app"
    conversation_id: str | None = None
    #: what a caller on hold hears, any URL that `play` takes
    hold_music: str | None = None
    #: check_for_input is asked so often, seconds
    poll_seconds: float = 2.0
    #: gates are asked; how long an answer may take, seconds; and how much was said that they see
    gates: bool = True
    gate_seconds: float = 2.5
    gate_history: int = 20


SWML_RULES = Rules()
