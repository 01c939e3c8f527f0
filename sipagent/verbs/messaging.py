"""Verbs that write: send_sms, over SIP MESSAGE or an HTTP service."""

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from sipagent.call.control import CallControl
from sipagent.call.target import normalise
from sipagent.call.verb import Outcome, Verb
from sipagent.errors import CallError, LegFailed

from .blocks import IGNORED
from .flow import remember
from .words import REASONS, who

#: what a final status says of a text; of any other it is that it was not taken
_MEANING = {
    403: "does not take texts from here",
    404: "is not a known address",
    405: "takes no text messages",
    408: "did not answer",
    415: "takes no plain text",
    480: "is not available",
    501: "takes no text messages",
    513: "takes no text that long",
}


class SendSmsVerb(Verb):
    """Send a text message, to the caller's own number or another that is permitted."""

    name: ClassVar[str] = "send_sms"
    is_tool: ClassVar[bool] = True
    tool_fields: ClassVar[tuple[str, ...] | None] = ("to_number", "body")
    to_number: str = Field(min_length=1, description="number, extension or SIP address")
    body: str = Field(default="", max_length=1600, description="the text")
    from_number: str | None = Field(
        default=None, description="the number it comes from; default: the trunk's own"
    )
    media: tuple[str, ...] = Field(
        default=(), max_length=10, description="URLs, which are sent in the text"
    )
    region: Annotated[str | None, IGNORED] = None
    tags: Annotated[list[str] | None, IGNORED] = None

    @model_validator(mode="after")
    def _says_something(self) -> "SendSmsVerb":
        if not self.body and not self.media:
            raise ValueError("needs body, or media")
        return self

    @property
    def targets(self) -> tuple[str, ...]:
        """Whom it would reach."""
        return (self.to_number,)

    @property
    def question(self) -> str:
        """What the caller is asked first, where policy wants that."""
        return f"Shall I send a text message to {who(normalise(self.to_number))}?"

    async def run(self, control: CallControl) -> Outcome:
        """Send it and wait for the final status."""
        texts = control.call.services.texts
        to = normalise(self.to_number, control.call.services.extensions)
        text = "\n".join(filter(None, (self.body, *self.media)))
        try:
            status = await texts.send(to, text, sender=self.from_number)
        except LegFailed as error:
            outcome = Outcome(False, _said(error, to), status=error.status)
        except CallError as error:
            outcome = Outcome(False, str(error), status=error.status)
        else:
            done = "was delivered" if status == 200 else "was accepted for delivery"
            outcome = Outcome(detail=f"the text to {who(to)} {done}", status=status)
        remember(control.call, send_sms_result="success" if outcome.ok else "failed")
        return outcome


def _said(error: LegFailed, target: str) -> str:
    """`480 Temporarily Unavailable: bob is not available`."""
    meaning = _MEANING.get(error.status, "did not take the text")
    return f"{error.status} {REASONS.get(error.status) or error.reason}: {who(target)} {meaning}"


MESSAGING: tuple[type[Verb], ...] = (SendSmsVerb,)
