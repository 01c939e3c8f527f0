"""Who hears whom: mute, unmute, whisper."""

from typing import ClassVar, Literal

from pydantic import Field

from sipagent.call.control import CallControl
from sipagent.call.session import CallSession
from sipagent.call.verb import Outcome, Verb
from sipagent.errors import PlanError

from .blocks import Urls
from .playing import play_all, whispering
from .waiting import while_caller_stays

#: a party of a call as plans name them; `other` is whom the caller is connected to
Who = Literal["caller", "agent", "other"]


def party(call: CallSession, who: Who) -> object:
    """The member of the room that is meant. Raises PlanError where there is none."""
    member = {"caller": call.caller, "agent": call.agent, "other": call.other}[who]
    if member is None:
        raise PlanError(f"there is no {who} in this call now")
    return member


class MuteVerb(Verb):
    """Let nobody hear a party until it is unmuted."""

    name: ClassVar[str] = "mute"
    shorthand: ClassVar[str | None] = "who"
    who: Who = Field(default="caller", description="caller, agent, or other: whom they talk to")

    async def run(self, control: CallControl) -> Outcome:
        """Mute. A recording still has what a muted caller says."""
        control.call.room.mute(party(control.call, self.who))
        return Outcome(detail=f"nobody hears the {self.who} now")


class UnmuteVerb(Verb):
    """Let a muted party be heard again."""

    name: ClassVar[str] = "unmute"
    shorthand: ClassVar[str | None] = "who"
    who: Who = Field(default="caller", description="caller, agent, or other: whom they talk to")

    async def run(self, control: CallControl) -> Outcome:
        """Unmute."""
        control.call.room.unmute(party(control.call, self.who))
        return Outcome(detail=f"the {self.who} is heard again")


class WhisperVerb(Verb):
    """Play something to one party; the others do not hear it."""

    name: ClassVar[str] = "whisper"
    shorthand: ClassVar[str | None] = "urls"
    urls: Urls = Field(min_length=1, description="say:..., files, one after the other")
    to: Literal["caller", "other"] = Field(
        default="other", description="the caller, or whom they talk to"
    )
    volume: float = Field(default=0.0, ge=-40, le=40, description="dB")
    say_voice: str | None = Field(default=None, description="voice of say: URLs")

    async def run(self, control: CallControl) -> Outcome:
        """Play to the end, or until the caller hangs up."""
        call = control.call
        async with whispering(call, "whisper", party(call, self.to)) as port:
            playing = play_all(call, port, self.urls, voice=self.say_voice, volume=self.volume)
            await while_caller_stays(call, playing)
        return Outcome(detail=f"the {self.to} heard it")


HEARING: tuple[type[Verb], ...] = (MuteVerb, UnmuteVerb, WhisperVerb)
