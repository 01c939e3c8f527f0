"""A number that may not be called is refused alike, whoever asks for it, and nothing leaves."""

from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from sipagent.call.control import CallControl
from sipagent.call.numbers import NumberPlan
from sipagent.call.policy import Policy
from sipagent.call.toll import Toll, TollPolicy
from sipagent.config import Guard, Trunk
from sipagent.events import PolicyDecided, VerbDone
from sipagent.testing.fakes import a_call
from sipagent.testing.phone import Phone
from sipagent.testing.server import Server, running
from sipagent.testing.virtual import virtual_time
from sipagent.verbs import VERBS

ABROAD = "+390236618300"
TOLL = TollPolicy(toll=Toll(), plans=(NumberPlan(country="44"),), hosts=frozenset({"carrier.test"}))
ASKED: dict[str, dict[str, Any]] = {
    "connect": {"to": ABROAD},
    "connect to a device of several": {"serial": [{"to": "+442079460018"}, {"to": "0039023661"}]},
    "transfer": {"to": f"sip:{ABROAD}@carrier.test"},
    "transfer by refer": {"to": "tel:0039-0236618300", "mode": "refer"},
    "sip_refer": {"to_uri": f"sip:{ABROAD}@carrier.test;user=phone"},
}
PLAN = f"""
routes: [{{to: "100"}}]
agents:
  desk:
    greeting: "Hello."
    silence_seconds: 600
    tools: [transfer]
    intents:
      abroad: {{phrases: ["abroad please"], digits: "2", do: {{transfer: {{to: "{ABROAD}"}}}}}}
policy: {{destinations: ["*"]}}
sections:
  main:
    - answer
    - connect: {{to: "{ABROAD}"}}
    - sip_refer: {{to_uri: "sip:{ABROAD}@127.0.0.9"}}
    - ai: {{agent: desk}}
    - hangup
"""
AT_HOME = """
routes: [{to: "100"}]
policy: {destinations: ["*"]}
sections:
  main: [{connect: {to: "+442079460018", answer_on_bridge: true}}, hangup]
"""


@pytest.mark.parametrize("by", ["dialplan", "model", "api:desk", "mcp:client"])
@pytest.mark.parametrize("asked", ASKED)
@virtual_time
async def test_whoever_asks_for_an_unpermitted_country_is_refused(by: str, asked: str) -> None:
    call = a_call()
    policies = [Policy(destinations=("*",)), TOLL]
    verb = VERBS[asked.partition(" ")[0]].model_validate(ASKED[asked])
    outcome = await CallControl(call.session, policies, by=by).do(verb)
    assert (outcome.ok, outcome.status) == (False, 403)
    assert "international numbers are not allowed" in outcome.detail
    assert call.dialer.dialled == []
    assert call.caller.referred == []


def trunked(carrier: Phone, **toll: Any) -> dict[str, Any]:
    trunk = Trunk(
        host=carrier.agent.address[0],
        port=carrier.agent.address[1],
        addresses=(IPv4Network("192.0.2.0/24"),),
        numbers=NumberPlan(country="44"),
    )
    return {"trunks": {"carrier": trunk}, "guard": Guard(toll=Toll(**toll))}


def refusals(server: Server) -> set[tuple[str, str]]:
    return {(e.by, e.verb) for e in server.events if isinstance(e, VerbDone) and e.status == 403}


async def test_dialplan_and_model_are_refused_and_the_caller_may_not_refer_us_there(
    tmp_path: Path,
) -> None:
    async with Phone(host="127.0.0.9") as carrier, Phone() as caller:
        async with running(tmp_path, PLAN, **trunked(carrier)) as server:
            call = await caller.dial(server.uri("100"))
            await call.wait_answered()
            await call.wait_for_speech(10)
            await call.press("2")
            await server.wait_for(lambda: len(refusals(server)) == 3)
            assert refusals(server) == {
                ("dialplan", "connect"),
                ("dialplan", "sip_refer"),
                ("model", "transfer"),
            }
            denied = [e.reason for e in server.events if isinstance(e, PolicyDecided)]
            assert all("international numbers are not allowed" in reason for reason in denied)
            assert not (await call.refer(f"sip:{ABROAD}@127.0.0.9", timeout=5)).ok
            await call.hangup()
            await server.idle()
        assert carrier.calls == []


async def test_a_callers_calls_of_the_day_are_counted_over_workers_and_a_restart(
    tmp_path: Path,
) -> None:
    async with Phone(host="127.0.0.9") as carrier, Phone() as caller:
        for answered in (True, True, False):
            settings = trunked(carrier, caller_calls=2)
            async with running(tmp_path, AT_HOME, **settings) as server:
                before = len(carrier.calls)
                call = await caller.dial(server.uri("100"))
                if answered:
                    await call.wait_answered()
                    await call.hangup()
                else:
                    await call.wait_ended()
                await server.idle()
                assert (len(carrier.calls) > before) is answered
                total = server.gateway.tolls.total("caller 127.0.0.1")
                assert server.gateway.tolls.live == 0
        assert total.calls == 2
