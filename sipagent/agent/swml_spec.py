"""What SWML says of functions, under its own names: for those who call them."""

from pydantic import Field

from .parts import Part


class FunctionRules(Part):
    """What functions may do to the talk, what they are told, and when they are called."""

    swaig_allow_settings: bool = Field(default=True, description="the action `settings` counts")
    swaig_allow_swml: bool = Field(default=True, description="the action `SWML` counts")
    swaig_set_global_data: bool = Field(
        default=True, description="the actions on global data count"
    )
    swaig_post_conversation: bool = Field(
        default=False, description="functions are sent the whole conversation"
    )
    swaig_post_swml_vars: bool | tuple[str, ...] = Field(
        default=False, description="functions are sent the plan's variables: all, or these"
    )
    function_wait_for_talking: bool = Field(
        default=False, description="a tool runs once what is being said was heard"
    )
    functions_on_no_response: bool = Field(
        default=False, description="tools are offered where the mind speaks to a silent caller"
    )
    barge_functions: bool = Field(
        default=True, description="a tool runs even while the caller speaks over the agent"
    )
    input_poll_freq: int = Field(
        default=2000, ge=1000, le=10_000, description="ms between two asks of check_for_input"
    )
    semantic_gates_enabled: bool = Field(
        default=True, description="false: functions run without the questions of their gates"
    )
    semantic_gate_timeout_ms: int = Field(
        default=2500, ge=500, le=10_000, description="after which no answer is a no"
    )
    semantic_gate_history: int = Field(
        default=20, ge=0, le=100, description="entries of the dialogue that gates are judged by"
    )
    hold_music: str | None = Field(default=None, description="a URL that `play` takes")
    hold_on_process: bool = Field(
        default=False, description="the caller hears hold_music while a tool runs"
    )
