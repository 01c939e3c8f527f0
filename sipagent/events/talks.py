"""How a talk went on: from agent to agent, from step to step, and what was made of it."""

from typing import Literal

from pydantic import Field

from .base import Base, Personal, PersonalData


class StepChanged(Base):
    """The talk entered a step of its agent's contexts. `before` is `context.step`, `by` whose
    doing it was: the model's, the plan's or that of a form that was filled.
    """

    type: Literal["step_changed"] = "step_changed"
    context: str
    step: str
    before: str = ""
    by: Literal["model", "plan", "form"]


class Gathered(Base):
    """A form has an answer, after so many attempts; `None` where a question was left out."""

    type: Literal["gathered"] = "gathered"
    key: str
    value: Personal
    attempts: int = 1


class Transcribed(Base):
    """Somebody was listened to by a verb, and said this. `by` is the verb, `role` the vendor's name
    of the party: remote-caller is the caller, local-caller whom they hear; times on the media
    clock, ms. `translation` is what was made of it, where that was asked for.
    """

    type: Literal["transcribed"] = "transcribed"
    by: str
    role: str
    text: Personal
    translation: Personal = ""
    confidence: float | None = None
    began: int = 0
    ended: int = 0


class UserEvent(Base):
    """The plan's own event (`user_event`), for who listens to this call."""

    type: Literal["user_event"] = "user_event"
    data: PersonalData


class AgentChanged(Base):
    """An agent gave the caller to another one of the plan. `summary` is what that one is told."""

    type: Literal["agent_changed"] = "agent_changed"
    before: str
    agent: str
    summary: Personal = ""


class Summarised(Base):
    """What was made of a talk when it was over: words, facts that fit the agent's schema, or both;
    or the `error` for which there are none.
    """

    type: Literal["summarised"] = "summarised"
    agent: str
    ok: bool
    text: Personal = ""
    data: PersonalData = Field(default_factory=dict)
    provider: str = ""
    error: str = ""
    ms: int = 0


class FillerSpoken(Base):
    """Something was said so that the caller would not wait in silence."""

    type: Literal["filler_spoken"] = "filler_spoken"
    text: Personal


class Reported(Base):
    """A report of a talk was sent, or could not be: what it was, where to (without user, password
    and query), and how it came out after so many tries. What it said is not on record.
    """

    type: Literal["reported"] = "reported"
    report: Literal["post_prompt", "fetch_conversation", "debug"]
    url: str
    ok: bool
    status: int = 0
    tries: int = 1
    error: str = ""
    ms: int = 0
