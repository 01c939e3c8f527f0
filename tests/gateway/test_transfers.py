"""Transfers tell the truth, and nobody is left on the line: every way, every ending."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from sipagent.call.leg import LegState
from sipagent.events import LegChanged, VerbDone
from sipagent.testing.both_ways import two_way
from sipagent.testing.call import PhoneCall
from sipagent.testing.leftovers import Belongings, as_before, belongings
from sipagent.testing.phone import OnCall, Phone, answer_after, refuse_with, ring_for_ever
from sipagent.testing.server import Server, running
from sipagent.testing.signals import noise, share
from sipagent.testing.voice import speak

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("transfers")]

WAYS = {
    "blind": "{to: SALES, mode: refer, timeout: LIMIT}",
    "blind or bridged": "{to: SALES, mode: refer, timeout: LIMIT, fallback: bridge}",
    "attended": "{to: SALES, mode: attended, timeout: LIMIT}",
    "attended or not": "{to: SALES, mode: attended, timeout: LIMIT, fallback: none}",
    "warm": "{to: SALES, brief: 'A caller about an order.', timeout: LIMIT, accept_timeout: LIMIT}",
    "undecided": "{to: SALES, brief: 'An order.', timeout: 30, accept_timeout: LIMIT}",
    "briefed": "{to: SALES, mode: attended, brief: 'An order.', timeout: LIMIT}",
}
#: seconds for sales to answer, or to decide; the few where it does not are waited out
PATIENT, HASTY = 30, 1.5
NUMBERS = {(way, limit): f"{3 if limit == PATIENT else 4}{index:02}"
           for index, way in enumerate(WAYS) for limit in (PATIENT, HASTY)}  # fmt: skip
PLAN = """
routes: [{{to: "{number}"}}]
policy: {{destinations: ["sip:sales@127.0.0.1:*"]}}
sections:
  main: [answer, {{transfer: {transfer}}}, {{sleep: {{duration: 600000}}}}]
"""


class Scene:
    """One caller, sales, and the server between them; `over` looks for what they left."""

    def __init__(self, server: Server, sales: Phone, alice: Phone) -> None:
        self.server = server
        self.sales = sales
        self.alice = alice
        self.before: Belongings
        self._since = len(server.events)

    async def call(self, way: str, limit: float = PATIENT) -> PhoneCall:
        """Alice calls and is being transferred; sales has so many seconds."""
        await self.server.idle()
        self.before = belongings(self.server)
        call = await self.alice.dial(self.server.uri(NUMBERS[way, limit]))
        await call.wait_answered()
        return call

    async def told(self) -> tuple[bool, int | None, str]:
        """How the transfer came out, as whoever asked for it reads it."""
        done = await self.server.until(
            lambda e: isinstance(e, VerbDone) and e.verb == "transfer", since=self._since
        )
        assert isinstance(done, VerbDone)
        return done.ok, done.status, done.detail

    async def until_callee(self, state: LegState) -> None:
        """The server's own leg to sales got there."""
        await self.server.until(
            lambda e: isinstance(e, LegChanged) and e.role == "callee" and e.state == state,
            since=self._since,
        )

    async def over(self) -> None:
        """Every call has ended, and nothing of them is left."""
        for call in (*self.alice.calls, *self.sales.calls):
            await call.wait_ended()
        await as_before(self.server, self.before)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Server, Phone]]:
    async with Phone(user="sales") as sales:
        plans = {
            number: PLAN.format(
                number=number,
                transfer=WAYS[way].replace("SALES", f'"{sales.uri}"').replace("LIMIT", str(limit)),
            )
            for (way, limit), number in NUMBERS.items()
        }
        async with running(tmp_path_factory.mktemp("server"), plans) as server:
            yield server, sales
            assert server.gateway.edge.counters.exceptions == 0


@pytest_asyncio.fixture(loop_scope="module")
async def scene(shared: tuple[Server, Phone]) -> AsyncIterator[Scene]:
    server, sales = shared
    for call in list(sales.calls):
        sales.forget(call)
    sales.on_call = answer_after(0)
    sales.agent.features = FEATURES
    async with Phone(user="alice") as alice:
        yield Scene(server, sales, alice)


FEATURES = (("Allow", "INVITE, ACK, BYE, CANCEL, NOTIFY, REFER"), ("Supported", "replaces"))


# Success.


@pytest.mark.rfc("3515", "blind transfer by REFER, its outcome by NOTIFY")
@pytest.mark.rfc("5589", "blind transfer (basic transfer), as transferor")
async def test_a_blind_transfer_succeeds(scene: Scene) -> None:
    call = await scene.call("blind")
    assert await scene.told() == (True, 200, "the caller was transferred to sales")
    await call.wait_ended()
    direct = await scene.alice.wait_call(2)
    assert direct.state is LegState.CONFIRMED
    assert direct.remote == scene.sales.uri
    (asked,) = scene.sales.calls
    assert asked.invite is not None
    assert asked.invite.get("Referred-By") == "<sip:300@127.0.0.1>"
    await two_way(direct, asked)
    await direct.hangup()
    await scene.over()


@pytest.mark.rfc("3891", "attended transfer by REFER with Replaces")
@pytest.mark.rfc("5589", "attended transfer, as transferor")
async def test_an_attended_transfer_succeeds(scene: Scene) -> None:
    call = await scene.call("attended")
    assert await scene.told() == (True, 200, "the caller was transferred to sales")
    await call.wait_ended()
    direct = await scene.alice.wait_call(2)
    consulted, taken = scene.sales.calls
    assert (await consulted.wait_ended()).by == "local"  # replaced by alice's
    assert taken.state is LegState.CONFIRMED
    await two_way(direct, taken)
    await direct.hangup()
    await scene.over()


async def test_a_warm_transfer_is_briefed_accepted_by_key_and_joined(scene: Scene) -> None:
    call = await scene.call("warm")
    consulted = await scene.sales.wait_call()
    await consulted.wait_answered()
    await consulted.wait_for_speech(10)
    said = noise(3, 500, 8000)
    await call.play(said)
    assert share(said, consulted.stream.heard.pcm(), 8000) < 0.2  # a private word
    await consulted.press("1")
    await two_way(call, consulted)
    await call.hangup()
    await scene.over()


async def test_a_warm_transfer_is_accepted_by_voice(scene: Scene) -> None:
    call = await scene.call("warm")
    consulted = await scene.sales.wait_call()
    await consulted.wait_answered()
    await consulted.wait_for_speech(10)
    await consulted.wait_for_silence(700, 15)
    await consulted.play(speak("yes please") + bytes(16_000))
    await two_way(call, consulted)
    await call.hangup()
    await scene.over()


@pytest.mark.rfc("3891", "attended transfer by REFER with Replaces")
async def test_an_attended_transfer_waits_for_the_yes_of_whoever_was_briefed(scene: Scene) -> None:
    call = await scene.call("briefed")
    consulted = await scene.sales.wait_call()
    await consulted.wait_answered()
    await consulted.wait_for_speech(10)
    await consulted.press("1")
    assert (await scene.told())[:2] == (True, 200)
    await call.wait_ended()
    direct = await scene.alice.wait_call(2)
    await two_way(direct, scene.sales.calls[1])
    await direct.hangup()
    await scene.over()


# Failure: the caller is still there, and the reason is known.

BUSY, SILENT, DECLINES = refuse_with(486), ring_for_ever, refuse_with(603)


@pytest.mark.rfc("3515", "a failed referral is reported with its status")
@pytest.mark.parametrize("way", ["blind", "attended", "warm"])
@pytest.mark.parametrize(
    ("sales", "told"),
    [
        pytest.param(BUSY, (False, 486, "486 Busy Here: sales is busy"), id="busy"),
        pytest.param(SILENT, (False, 408, "408 Request Timeout: sales did not answer"), id="none"),
        pytest.param(DECLINES, (False, 603, "603 Decline: sales declined the call"), id="refused"),
    ],
)
async def test_the_caller_is_back_and_the_reason_is_known(
    scene: Scene, way: str, sales: OnCall, told: tuple[bool, int, str]
) -> None:
    scene.sales.on_call = sales
    call = await scene.call(way, HASTY if sales is SILENT else PATIENT)
    assert await scene.told() == told
    assert call.state is LegState.CONFIRMED
    for direct in scene.alice.calls[1:]:  # a blind transfer rings on at the caller's own side
        await direct.hangup()
    await call.hangup()
    await scene.over()


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("2", "603 Decline: sales answered and did not take the call"),
        ("", "480 Temporarily Unavailable: sales answered and did not decide in time"),
    ],
)
async def test_whoever_is_briefed_may_leave_the_caller_to_us(
    scene: Scene, keys: str, told: str
) -> None:
    call = await scene.call("warm") if keys else await scene.call("undecided", HASTY)
    consulted = await scene.sales.wait_call()
    await consulted.wait_answered()
    if keys:
        await consulted.wait_for_speech(10)
        await consulted.press(keys)
    assert await scene.told() == (False, int(told[:3]), told)
    await consulted.wait_ended()
    assert call.state is LegState.CONFIRMED
    await call.hangup()
    await scene.over()


async def test_whoever_is_briefed_may_hang_up(scene: Scene) -> None:
    call = await scene.call("warm")
    consulted = await scene.sales.wait_call()
    await consulted.wait_answered()
    await consulted.wait_for_speech(10)
    await consulted.hangup()
    told = "487 Request Terminated: sales answered and hung up"
    assert await scene.told() == (False, 487, told)
    await call.hangup()
    await scene.over()


# A REFER that is not taken.


@pytest.mark.parametrize("way", ["blind or bridged", "attended"])
@pytest.mark.parametrize("known", [True, False])
async def test_a_refused_refer_falls_back_to_bridging(scene: Scene, way: str, known: bool) -> None:
    if known:  # its Allow says so, and it is not asked
        scene.alice.agent.features = (("Allow", "INVITE, ACK, BYE, CANCEL"),)
    else:
        scene.alice.refer_status = 603
    call = await scene.call(way)
    await scene.until_callee(LegState.CONFIRMED)
    await two_way(call, scene.sales.calls[0])
    await call.hangup()
    await scene.over()


@pytest.mark.parametrize("way", ["blind", "attended or not"])
async def test_a_refused_refer_is_told_as_such(scene: Scene, way: str) -> None:
    scene.alice.refer_status = 405
    call = await scene.call(way)
    ok, status, detail = await scene.told()
    assert (ok, status) == (False, 405)
    assert "the caller's side did not transfer" in detail
    await call.hangup()
    await scene.over()


async def test_a_target_without_replaces_is_bridged(scene: Scene) -> None:
    scene.sales.agent.features = (*FEATURES[:1], ("Supported", "timer"))
    call = await scene.call("attended")
    await scene.until_callee(LegState.CONFIRMED)
    await two_way(call, scene.sales.calls[0])
    assert len(scene.alice.calls) == 1
    await call.hangup()
    await scene.over()


# The caller hangs up midway.


async def ringing(scene: Scene, call: PhoneCall) -> None:
    """Sales rings."""
    scene.sales.on_call = ring_for_ever
    await scene.sales.wait_call()


async def briefed(scene: Scene, call: PhoneCall) -> None:
    """Sales hears the brief."""
    consulted = await scene.sales.wait_call()
    await consulted.wait_answered()
    await consulted.wait_for_speech(10)


async def consulted(scene: Scene, call: PhoneCall) -> None:
    """Sales is on the line and the caller's side was asked."""
    scene.alice.refer_status = 202
    await scene.until_callee(LegState.CONFIRMED)


Moment = Callable[[Scene, PhoneCall], Awaitable[None]]


@pytest.mark.parametrize(
    ("way", "moment"),
    [("blind", ringing), ("attended", ringing), ("warm", ringing), ("warm", briefed),
     ("attended", consulted)],
)  # fmt: skip
async def test_nobody_is_left_when_the_caller_hangs_up_midway(
    scene: Scene, way: str, moment: Moment
) -> None:
    if moment is ringing:
        scene.sales.on_call = ring_for_ever
    call = await scene.call(way, HASTY if way == "blind" or moment is consulted else PATIENT)
    await moment(scene, call)
    await call.hangup()
    ok, _, told = await scene.told()
    if moment is consulted:  # any of the three may have come first
        assert ok or told == "the caller hung up" or told.endswith("sales did not answer")
    elif way == "blind":
        assert (ok, told) == (False, "408 Request Timeout: sales did not answer")
    else:
        assert (ok, told) == (False, "the caller hung up")
        assert (await scene.sales.calls[0].wait_ended()).by == "remote"
    for direct in scene.alice.calls[1:]:  # what its own side began by REFER is its own
        await direct.hangup()
    await scene.over()
