"""Far ends that hand their place to another (REFER, Replaces): held to policy, and nobody lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from pydantic import SecretStr

from sipagent.call.leg import LegState
from sipagent.config import Phone as Account
from sipagent.config import Registrar
from sipagent.errors import LegFailed
from sipagent.events import LegChanged, PolicyDecided, VerbDone
from sipagent.testing.both_ways import two_way
from sipagent.testing.call import PhoneCall
from sipagent.testing.leftovers import Belongings, as_before, belongings
from sipagent.testing.phone import Phone, answer_after, refuse_with, ring_for_ever
from sipagent.testing.server import Server, running

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("referrals")]

PASSWORD = "s3cret"
PLAN = """
routes: [{{to: "{number}"}}]
policy: {{destinations: {destinations}, referrals: {referrals}}}
sections:
  main: [answer, {{connect: {{to: {to}, timeout: 20}}}}, hangup]
"""
ACCOUNTS = {name: Account(password=SecretStr(PASSWORD)) for name in ("201", "202")}


class Scene:
    """Alice and sales are connected by the server; help stands by."""

    def __init__(self, server: Server, phones: dict[str, Phone], stack: AsyncExitStack) -> None:
        self.server = server
        self.phones = phones
        self.stack = stack
        self.before: Belongings
        self.since = len(server.events)

    async def connected(
        self, number: str = "400", callee: str = "sales"
    ) -> tuple[PhoneCall, PhoneCall]:
        """Alice's call, and the callee's."""
        await self.server.idle()
        self.before = belongings(self.server)
        phone = self.phones[callee]
        call = await self.phones["alice"].dial(self.server.uri(number))
        other = await phone.wait_call()
        if phone.on_call is not ring_for_ever:
            await call.wait_answered()
            await other.wait_answered()
        return call, other

    async def done(self, verb: str) -> VerbDone:
        """How a far end's request came out."""
        event = await self.server.until(
            lambda e: isinstance(e, VerbDone) and e.verb == verb, since=self.since
        )
        assert isinstance(event, VerbDone)
        return event

    async def over(self) -> None:
        """Every call has ended, and nothing of them is left."""
        for phone in self.phones.values():
            for call in phone.calls:
                await call.wait_ended()
        await as_before(self.server, self.before)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Server, dict[str, Phone]]]:
    async with AsyncExitStack() as stack:
        phones = {
            name: await stack.enter_async_context(Phone(user=name)) for name in ("sales", "help")
        }
        to = '"sip:{}@127.0.0.1:*"'
        destinations = f"[{to.format('sales')}, {to.format('help')}, 'sip:*@phones']"
        shape = {"to": f'"{phones["sales"].uri}"', "destinations": destinations}
        plans = {
            "400": PLAN.format(number="400", referrals="[caller, callee]", **shape),
            "401": PLAN.format(number="401", referrals="[]", **shape),
            "402": PLAN.format(
                number="402", referrals="[callee]", **(shape | {"to": '"sip:201@phones"'})
            ),
        }
        transfer = "{transfer: {to: '202', mode: refer}}"
        plans["403"] = (
            'routes: [{to: "403"}]\npolicy: {destinations: ["sip:*@phones"]}\n'
            f"sections: {{main: [answer, {transfer}, hangup]}}\n"
        )
        folder = tmp_path_factory.mktemp("server")
        registrar = Registrar(internal_calls=True)
        server = await stack.enter_async_context(
            running(folder, plans, phones=ACCOUNTS, registrar=registrar)
        )
        for name in ("201", "202"):
            phones[name] = Phone(user=name, password=PASSWORD)
            await stack.enter_async_context(phones[name])
            await phones[name].register(server.uri("").replace("sip:@", "sip:"))
        yield server, phones
        assert server.gateway.edge.counters.exceptions == 0


@pytest_asyncio.fixture(loop_scope="module")
async def scene(shared: tuple[Server, dict[str, Phone]]) -> AsyncIterator[Scene]:
    server, phones = shared
    for phone in phones.values():
        phone.on_call = answer_after(0)
        for call in list(phone.calls):
            phone.forget(call)
    async with AsyncExitStack() as stack:
        alice = await stack.enter_async_context(Phone(user="alice"))
        bob = await stack.enter_async_context(Phone(user="bob"))
        yield Scene(server, {**phones, "alice": alice, "bob": bob}, stack)


# REFER.


@pytest.mark.rfc("3515", "REFER from a far end: 202, NOTIFY with sipfrag, final status")
@pytest.mark.rfc("6665", "the implicit subscription of REFER: active, then terminated; Event id")
@pytest.mark.rfc("3892", "Referred-By passed on to who is called")
@pytest.mark.rfc("5589", "blind transfer (basic transfer), as transferee")
@pytest.mark.rfc("5359", "transfer, unattended")
async def test_a_callee_hands_the_caller_to_somebody_else(scene: Scene) -> None:
    call, sales = await scene.connected()
    outcome = await sales.refer(scene.phones["help"].uri)
    assert (outcome.status, outcome.reason) == (200, "OK")
    first, last = sales.referral.notifies
    assert first.body == b"SIP/2.0 100 Trying\r\n"
    assert first.get("Subscription-State").startswith("active;expires=")
    assert last.body == b"SIP/2.0 200 OK\r\n"
    assert last.get("Subscription-State") == "terminated;reason=noresource"
    assert first.get("Event") == last.get("Event") == f"refer;id={sales.session.dialog.cseq}"
    (new,) = scene.phones["help"].calls
    assert new.invite is not None
    assert new.invite.get("Referred-By") == sales.session.dialog.contact
    await two_way(call, new)
    assert (await sales.wait_ended()).by == "remote"  # who gave its place away and stayed
    await new.hangup()
    await scene.over()
    done = await scene.done("referred_to")
    assert (done.by, done.ok, done.status) == ("callee", True, 200)


@pytest.mark.rfc("3515", "REFER from a far end: 202, NOTIFY with sipfrag, final status")
async def test_a_caller_hands_the_callee_to_somebody_else(scene: Scene) -> None:
    call, sales = await scene.connected()
    assert (await call.refer(scene.phones["help"].uri)).ok
    await call.hangup()
    (new,) = scene.phones["help"].calls
    await two_way(sales, new)
    assert sales.state is LegState.CONFIRMED
    await new.hangup()
    await scene.over()


@pytest.mark.parametrize(("handler", "status"), [(refuse_with(486), 486), (refuse_with(603), 603)])
async def test_who_is_not_reached_leaves_things_as_they_were(
    scene: Scene, handler: object, status: int
) -> None:
    scene.phones["help"].on_call = handler  # type: ignore[assignment]
    call, sales = await scene.connected()
    assert (await sales.refer(scene.phones["help"].uri)).status == status
    await two_way(call, sales)
    await call.hangup()
    await scene.over()


async def test_who_gave_the_call_away_may_leave_at_once(scene: Scene) -> None:
    scene.phones["help"].on_call = answer_after(0.5)
    call, sales = await scene.connected()
    asking = asyncio.ensure_future(sales.refer(scene.phones["help"].uri, timeout=0.3))
    new = await scene.phones["help"].wait_call()
    await asking
    await sales.hangup()
    await two_way(call, new)
    await call.hangup()
    await scene.over()


async def test_nobody_is_left_when_the_caller_hangs_up_while_the_new_party_rings(
    scene: Scene,
) -> None:
    scene.phones["help"].on_call = ring_for_ever
    call, sales = await scene.connected()
    asking = asyncio.ensure_future(sales.refer(scene.phones["help"].uri, timeout=1))
    new = await scene.phones["help"].wait_call()
    await call.hangup()
    assert (await new.wait_ended()).status == 487
    assert (await asking).status in (408, 487)
    await scene.over()


@pytest.mark.rfc("3515", "a REFER that policy forbids gets 403")
@pytest.mark.parametrize(
    ("number", "target"),
    [
        ("400", "sip:premium@127.0.0.1:9"),
        ("400", "tel:+39899123456"),
        ("400", "sip:+39899123456@HOME"),
        ("401", "HELP"),
    ],
)
async def test_a_refer_is_held_to_policy(scene: Scene, number: str, target: str) -> None:
    host, port = scene.server.address()
    target = target.replace("HOME", f"{host}:{port}").replace("HELP", scene.phones["help"].uri)
    for party in ("caller", "callee"):
        call, sales = await scene.connected(number)
        who = call if party == "caller" else sales
        assert (await who.refer(target)).status == 403
        decided = await scene.server.until(
            lambda e: isinstance(e, PolicyDecided) and e.verb == "referred_to", since=scene.since
        )
        assert isinstance(decided, PolicyDecided)
        assert (decided.by, decided.allowed) == (party, False)
        await call.hangup()
        await scene.over()
        scene.since = len(scene.server.events)
        scene.phones["sales"].forget(sales)
    assert not scene.phones["help"].calls


@pytest.mark.parametrize("target", ["mailto:somebody@x", "sip:"])
async def test_a_refer_to_nobody_is_refused(scene: Scene, target: str) -> None:
    call, sales = await scene.connected()
    assert (await sales.refer(target)).status in (400, 403, 416)
    await call.hangup()
    await scene.over()


# Replaces.


def place_of(call: PhoneCall, extra: str = "") -> dict[str, str]:
    """Replaces for the server's end of this call, as its far end names it."""
    dialog = call.session.dialog
    tags = f"to-tag={dialog.remote_tag};from-tag={dialog.local_tag}"
    return {"Replaces": f"{dialog.call_id};{tags}{extra}", "Require": "replaces"}


async def refusal(call: PhoneCall) -> int:
    with pytest.raises(LegFailed) as refused:
        await call.wait_answered()
    return refused.value.status


@pytest.mark.rfc("3891", "INVITE with Replaces takes a leg's place, which gets BYE")
async def test_an_invite_takes_the_place_of_a_party(scene: Scene) -> None:
    call, sales = await scene.connected()
    taking = await scene.phones["bob"].dial(sales.session.dialog.target, headers=place_of(sales))
    await taking.wait_answered()
    assert (await sales.wait_ended()).by == "remote"
    await two_way(call, taking)
    await call.hangup()
    await scene.over()


@pytest.mark.rfc("3891", "INVITE with Replaces takes a ringing call of ours (pickup)")
@pytest.mark.rfc("5359", "call pickup")
async def test_a_call_that_rings_elsewhere_is_picked_up(scene: Scene) -> None:
    scene.phones["sales"].on_call = ring_for_ever
    call, sales = await scene.connected()
    await scene.server.until(
        lambda e: isinstance(e, LegChanged) and e.state == "early", since=scene.since
    )
    taking = await scene.phones["bob"].dial(
        sales.session.dialog.target, headers=place_of(sales, ";early-only")
    )
    await taking.wait_answered()
    assert (await sales.wait_ended()).status == 487
    await two_way(call, taking)
    await taking.hangup()
    await call.wait_ended()
    await scene.over()


@pytest.mark.rfc("3891", "Replaces: 481 no such dialog, 486 early-only, 400 malformed, 403 policy")
async def test_a_place_that_is_not_there_to_be_taken_is_refused(scene: Scene) -> None:
    call, sales = await scene.connected()
    bob, target = scene.phones["bob"], sales.session.dialog.target
    right = place_of(sales)["Replaces"]
    wrong = {
        f"nobody@x;{right.partition(';')[2]}": 481,
        right.replace("to-tag=", "to-tag=x"): 481,
        right.replace("from-tag=", "from-tag=x"): 481,
        f"{right};early-only": 486,
        right.partition(";")[0]: 400,
        f"{right}, {right}": 400,
    }
    for value, status in wrong.items():
        assert await refusal(await bob.dial(target, headers={"Replaces": value})) == status
    await two_way(call, sales)
    await call.hangup()
    await sales.wait_ended()
    assert await refusal(await bob.dial(target, headers={"Replaces": right})) == 481
    await scene.over()


async def test_a_place_is_taken_only_where_policy_permits(scene: Scene) -> None:
    call, sales = await scene.connected("401")
    bob = scene.phones["bob"]
    for party in (sales, call):
        taking = await bob.dial(party.session.dialog.target, headers=place_of(party))
        assert await refusal(taking) == 403
    await two_way(call, sales)
    await call.hangup()
    await scene.over()


@pytest.mark.rfc("3891", "a phone transfers one of its calls with us to another (attended)")
@pytest.mark.rfc("5589", "attended transfer, as transferee and target")
@pytest.mark.rfc("5359", "transfer, attended")
async def test_a_phone_of_ours_brings_two_of_its_calls_together(scene: Scene) -> None:
    call, ann = await scene.connected("402", "201")
    await ann.hold()
    consultation = await scene.phones["201"].dial(scene.server.uri("202"))
    await consultation.wait_answered()
    bert = await scene.phones["202"].wait_call()
    outcome = await ann.refer("", replacing=consultation)
    assert (outcome.status, outcome.reason) == (200, "OK")
    assert (await consultation.wait_ended()).by == "remote"
    await ann.hangup()
    await two_way(call, bert)
    await call.hangup()
    assert (await bert.wait_ended()).by == "remote"
    await scene.over()


@pytest.mark.rfc("3515", "blind transfer by REFER, its outcome by NOTIFY")
async def test_a_phone_of_ours_is_referred_to_another_by_a_uri_it_can_call(scene: Scene) -> None:
    await scene.server.idle()
    scene.before = belongings(scene.server)
    call = await scene.phones["201"].dial(scene.server.uri("403"))
    done = await scene.done("transfer")
    assert (done.ok, done.detail) == (True, "the caller was transferred to 202")
    await call.wait_ended()
    direct, asked = await scene.phones["201"].wait_call(2), await scene.phones["202"].wait_call()
    assert direct.remote.startswith("sip:202@")
    await two_way(direct, asked)
    await direct.hangup()
    await scene.over()
