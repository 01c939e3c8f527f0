"""What an agent reports of its talks, and to whom (SWML's `post_prompt` and debug webhooks)."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from ..parts import Part
from ..refs import Providers

#: the call's variable that holds what was said before this talk, as SWML names it
EARLIER = "conversation_summary"


class PostPromptSpec(Part):
    """What a model is asked once the talk is over, and who is told."""

    prompt: str = Field(default="", description="${...} are filled; empty: no model is asked")
    url: str = Field(default="", description="the report is POSTed there; may hold user:password@")
    summarize: Mapping[str, Any] | None = Field(
        default=None,
        description="JSON schema: the model must call summarize_conversation with arguments of "
        "it, and these are the data",
    )
    timeout: float = Field(default=15.0, gt=0, le=30, description="seconds for the model, in all")
    brain: Providers | None = Field(
        default=None, description="a model for it, in place of the agent's own"
    )


class ReportsSpec(Part):
    """Under `reports:` of an agent; an SWML `ai` object has the same under its own names."""

    post_prompt: PostPromptSpec = PostPromptSpec()
    debug_url: str = Field(default="", description="told what happens while it happens")
    debug_level: Literal[1, 2] = Field(default=1, description="2: what is said, too")
    app_name: str = Field(default="swml app", max_length=200, description="as reports name it")
    conversation_id: str = Field(
        default="", max_length=200, description="what was said in earlier talks of it is asked for"
    )
    save_conversation: bool = Field(
        default=False, description="report the talk even without a post prompt"
    )
    summary_mode: Literal["string", "original"] = Field(
        default="string",
        description="conversation_summary as words, or as the model wrote it: an object, if so",
    )
    transfer_summary: bool = Field(
        default=False, description="who takes over by `transfer` gets a summary of the talk"
    )

    @property
    def reports(self) -> bool:
        """True where there is something to be told when the talk is over."""
        return bool(self.post_prompt.url and (self.post_prompt.prompt or self.save_conversation))
