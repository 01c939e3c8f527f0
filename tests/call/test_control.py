"""The only door to a verb: judge, ask, let speech end, run, put on record."""

from typing import ClassVar

from sipagent.call.control import CallControl
from sipagent.call.policy import Policy
from sipagent.call.verb import Outcome, Verb
from sipagent.errors import LegFailed, PlanError
from sipagent.events import PolicyDecided, VerbDone
from sipagent.testing.fakes import FakeCall, a_call
from sipagent.testing.virtual import virtual_time

OPEN = Policy(destinations=("*",))
ASKS = Policy(destinations=("*",), confirm=frozenset({"ring_up"}))


class RingUp(Verb):
    """Reaches somebody; says on a shared list when it ran."""

    name: ClassVar[str] = "ring_up"
    after_speech: ClassVar[bool] = True
    to: str = "sip:bob@pbx.example"
    fails: int = 0

    @property
    def targets(self) -> tuple[str, ...]:
        return (self.to,)

    async def run(self, control: CallControl) -> Outcome:
        if isinstance(control.presence, Listener):
            control.presence.log.append("run")
        if self.fails:
            raise LegFailed(self.fails, "Busy Here")
        return Outcome(detail="done", status=200)


class Hum(Verb):
    """Reaches nobody."""

    name: ClassVar[str] = "hum"

    async def run(self, control: CallControl) -> Outcome:
        raise PlanError("no tune")


class Listener:
    """An agent in the call that writes down what it was asked for."""

    def __init__(self, yes: bool = True) -> None:
        self.log: list[str] = []
        self._yes = yes

    async def confirm(self, question: str) -> bool:
        self.log.append(f"confirm: {question}")
        return self._yes

    async def finish_speaking(self) -> None:
        self.log.append("finish_speaking")


def decisions(call: FakeCall) -> list[tuple[bool, bool | None]]:
    return [(event.allowed, event.confirmed) for event in call.all(PolicyDecided)]


@virtual_time
async def test_a_verb_that_is_not_offered_is_denied_whatever_policy_says() -> None:
    call, listener = a_call(), Listener()
    control = call.control("model", OPEN, allowed=frozenset({"hum"}), presence=listener)
    outcome = await control.do(RingUp())
    assert (outcome.ok, outcome.status) == (False, 403)
    assert outcome.detail == "ring_up is not permitted here"
    assert listener.log == []
    assert decisions(call) == [(False, None)]


@virtual_time
async def test_a_denial_is_told_with_its_reason_and_nothing_runs() -> None:
    call, listener = a_call(), Listener()
    outcome = await call.control("model", Policy(), presence=listener).do(RingUp())
    assert outcome.detail == "sip:bob@pbx.example is not an allowed destination"
    assert listener.log == []
    assert call.session.done["ring_up"] == 0
    [done] = call.all(VerbDone)
    assert (done.verb, done.by, done.ok, done.status) == ("ring_up", "model", False, 403)


@virtual_time
async def test_a_target_nobody_can_call_is_a_denial_and_no_crash() -> None:
    call = a_call()
    outcome = await call.control("model", OPEN).do(RingUp(to="not a target"))
    assert (outcome.ok, outcome.status) == (False, 403)
    assert "neither a SIP URI nor a number" in outcome.detail
    assert decisions(call) == [(False, None)]


@virtual_time
async def test_the_caller_is_asked_then_speech_ends_then_the_verb_runs() -> None:
    call, listener = a_call(), Listener()
    outcome = await call.control("model", ASKS, presence=listener).do(RingUp())
    assert outcome.ok
    assert listener.log == ["confirm: Shall I go ahead with ring up?", "finish_speaking", "run"]
    assert decisions(call) == [(True, None), (True, True)]


@virtual_time
async def test_without_the_callers_yes_nothing_runs() -> None:
    call, listener = a_call(), Listener(yes=False)
    outcome = await call.control("model", ASKS, presence=listener).do(RingUp())
    assert (outcome.ok, outcome.detail) == (False, "the caller did not agree")
    assert len(listener.log) == 1
    assert decisions(call) == [(True, None), (False, False)]
    assert call.session.done["ring_up"] == 0


@virtual_time
async def test_a_yes_nobody_can_ask_for_is_a_no() -> None:
    call = a_call()
    outcome = await call.control("model", ASKS).do(RingUp())
    assert not outcome.ok
    assert "nobody can ask" in outcome.detail
    assert decisions(call)[-1] == (False, None)


@virtual_time
async def test_the_dialplan_is_not_asked_back() -> None:
    call, listener = a_call(), Listener()
    assert (await call.control("dialplan", ASKS, presence=listener).do(RingUp())).ok
    assert listener.log == ["finish_speaking", "run"]


@virtual_time
async def test_what_ran_is_counted_also_where_it_failed() -> None:
    call = a_call()
    control = call.control("model", OPEN.model_copy(update={"limits": {"ring_up": 2}}))
    busy = await control.do(RingUp(fails=486))
    assert (busy.ok, busy.status, busy.detail) == (False, 486, "486 Busy Here")
    assert (await control.do(RingUp())).ok
    third = await control.do(RingUp())
    assert third.detail == "ring_up was already used 2 times in this call"
    assert [(done.ok, done.status) for done in call.all(VerbDone)] == [
        (False, 486),
        (True, 200),
        (False, 403),
    ]


@virtual_time
async def test_two_principals_of_a_call_share_its_counts() -> None:
    call = a_call()
    once = OPEN.model_copy(update={"limits": {"ring_up": 1}})
    assert (await call.control("dialplan", once).do(RingUp())).ok
    assert not (await call.control("model", once).do(RingUp())).ok


@virtual_time
async def test_steps_of_the_plan_that_reach_nobody_are_no_news_to_policy() -> None:
    call = a_call()
    outcome = await call.control("dialplan").do(Hum())
    assert (outcome.ok, outcome.status, outcome.detail) == (False, 500, "no tune")
    assert decisions(call) == []
    await call.control("model").do(Hum())
    assert decisions(call) == [(True, None)]
