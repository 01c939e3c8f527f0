"""CallControl: one principal's hands on one call. The only door to a verb."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from sipagent.errors import CallError
from sipagent.events import PolicyDecided, VerbDone

from .policy import Decision, Policy, strictest
from .session import CallSession
from .verb import Outcome, Verb


class Presence(Protocol):
    """An agent in the conversation, as its control needs it."""

    async def confirm(self, question: str) -> bool:
        """Ask the caller and listen for their own yes; silence and anything else is no."""
        ...

    async def finish_speaking(self) -> None:
        """Wait until what is being said has been heard, within the agent's stated cap."""
        ...


@runtime_checkable
class Announcer(Protocol):
    """A presence that can say a given text in its own voice."""

    async def say(self, text: str) -> None:
        """Say it and wait until it was heard. Cancelling stops it; nobody remembers it."""
        ...


@dataclass(frozen=True, slots=True)
class CallControl:
    """`by` is who asks: "dialplan", "model", "api:<token>", "mcp:<client>".

    `allowed` lists the verbs this principal may use at all; None means every verb, which only
    the dialplan has. All `policies` must permit what is left.
    """

    call: CallSession
    policies: Sequence[Policy]
    by: str
    allowed: frozenset[str] | None = None
    presence: Presence | None = None
    #: nobody's next step waits for its verbs: what it begins goes on when they have returned
    outside: bool = False

    async def do(self, verb: Verb, judged: Decision | None = None) -> Outcome:
        """Judge the verb (if that was not done), ask the caller where policy wants it, run it, put
        it on record.

        Never raises for what a call or policy says no to: the outcome tells.
        """
        decision = self.judge(verb) if judged is None else judged
        if decision.allowed and decision.confirm:
            decision = await self._confirmed(verb)
        if not decision.allowed:
            return self._record(verb, Outcome(False, decision.reason, status=403))
        if verb.after_speech and self.presence is not None:
            await self.presence.finish_speaking()
        self.call.done[verb.name] += 1
        try:
            outcome = await verb.run(self)
        except CallError as error:
            outcome = Outcome(False, str(error), status=error.status)
        return self._record(verb, outcome)

    def judge(self, verb: Verb) -> Decision:
        """May this principal do this now? The decision is on record."""
        if self.allowed is not None and verb.name not in self.allowed:
            decision = Decision(False, f"{verb.name} is not permitted here")
        else:
            try:
                decision = strictest(
                    self.policies,
                    verb,
                    self.by,
                    done=self.call.done,
                    now=self.call.services.now(),
                    extensions=self.call.services.extensions,
                )
            except CallError as error:
                decision = Decision(False, str(error))
        # The plan's own steps that reach nobody are not news; everything else is on record.
        if self.by != "dialplan" or verb.targets or not decision.allowed:
            self._decided(verb, decision)
        return decision

    def may_redirect(self, target: str) -> bool:
        """May a call of this principal go where a 3xx points? The decision is on record."""
        extensions = self.call.services.extensions
        allowed = all(policy.reaches(target, extensions) for policy in self.policies)
        reason = f"{target} is {'' if allowed else 'not '}an allowed destination"
        self.call.emit(PolicyDecided, verb="redirect", by=self.by, allowed=allowed, reason=reason)
        return allowed

    async def _confirmed(self, verb: Verb) -> Decision:
        if self.presence is None:
            decision = Decision(False, f"{verb.name} needs the caller's yes and nobody can ask")
            self._decided(verb, decision)
            return decision
        yes = await self.presence.confirm(verb.question)
        reason = "the caller agreed" if yes else "the caller did not agree"
        decision = Decision(yes, reason)
        self._decided(verb, decision, confirmed=yes)
        return decision

    def _decided(self, verb: Verb, decision: Decision, confirmed: bool | None = None) -> None:
        self.call.emit(
            PolicyDecided,
            verb=verb.name,
            by=self.by,
            allowed=decision.allowed,
            reason=decision.reason,
            confirmed=confirmed,
        )

    def _record(self, verb: Verb, outcome: Outcome) -> Outcome:
        self.call.emit(
            VerbDone,
            verb=verb.name,
            by=self.by,
            ok=outcome.ok,
            detail=outcome.detail,
            status=outcome.status,
        )
        return outcome
