"""Documents by URL and requests: what is sent, what comes of it, and what fails to come."""

import asyncio
from typing import Any

import pytest

from sipagent.call.identity import swml_call_id
from sipagent.call.leg import LegState
from sipagent.call.web import WebReply, WebRequest
from sipagent.dialplan.swml.documents import SwmlDocuments
from sipagent.events import StepStarted, VerbDone
from sipagent.testing.fakes import FakeCall
from sipagent.testing.plans import planned_call
from sipagent.testing.posted import FakeWeb
from sipagent.testing.virtual import virtual_time
from sipagent.verbs.documents import MAX_FETCHES
from sipagent.verbs.flow import run_plan

URL = "http://ann:secret@agents.internal:3000/?q=1"
SHOWN = "http://agents.internal:3000/"
TOLD = {
    "call_id": swml_call_id("20261123-101010-abcdef12"),
    "from": "sip:+441632960123@pbx.example",
    "to": "sip:300@here.example;transport=tcp",
    "direction": "inbound",
    "type": "sip",
    "headers": {"X-Account": "7", "Authorization": "Digest hidden"},
}


def document(*main: Any, **sections: Any) -> dict[str, Any]:
    return {"version": "1.0.0", "sections": {"main": list(main), **sections}}


def calling(text: str, web: FakeWeb, **more: Any) -> FakeCall:
    variables = {"call": TOLD, "envs": {"desk": "sip:desk@x", "key": "hidden"}}
    documents = SwmlDocuments(["desk"])
    return planned_call(text, variables, web=web, documents=documents, **more)


def variables(call: FakeCall) -> dict[str, Any]:
    return dict(call.session.scope["vars"])


def failures(call: FakeCall) -> list[str]:
    return [event.detail for event in call.all(VerbDone) if not event.ok]


ATTACHED = f"""
routes: [{{to: "300"}}]
swml: {URL}
"""


@pytest.mark.swml("verb", "answer", "of a document that was fetched while the phone rang")
@virtual_time
async def test_an_agent_elsewhere_is_attached_in_two_lines_and_asked_while_it_rings() -> None:
    states = []

    class Watching(FakeWeb):
        async def ask(self, request: WebRequest) -> WebReply:
            states.append(call.caller.state)
            return await super().ask(request)

    web = Watching({URL: document("answer", {"set": {"here": "${call.to}"}}, "hangup")})
    call = calling(ATTACHED, web, answered=False)
    await run_plan(call.control())
    assert states == [LegState.EARLY]
    assert variables(call) == {"here": TOLD["to"]}
    assert [(e.document, e.verb) for e in call.all(StepStarted)] == [
        ("", "swml"), (SHOWN, "answer"), (SHOWN, "set"), (SHOWN, "hangup")
    ]  # fmt: skip
    assert "secret" not in str(call.events)


@virtual_time
async def test_the_server_is_told_of_the_call_as_the_vendor_tells_it() -> None:
    web = FakeWeb({URL: document("hangup")})
    plan = f"""
routes: [{{to: "300"}}]
swml: {{url: "{URL}", params: {{team: sales}}, timeout: 3}}
"""
    call = calling(plan, web, answered=False)
    call.session.scope["vars"]["n"] = 1
    await run_plan(call.control())
    (request,) = web.asked
    assert (request.method, request.timeout, request.by) == ("POST", 3, "swml")
    assert request.data["vars"] == {"n": 1}
    assert request.data["envs"] == {"desk": "sip:desk@x"}
    assert request.data["params"] == {"team": "sales"}
    told = request.data["call"]
    assert "." not in told["call_id"]
    assert told == {
        "call_id": TOLD["call_id"],
        "node_id": "",
        "segment_id": TOLD["call_id"],
        "call_state": "ringing",
        "direction": "inbound",
        "type": "sip",
        "from": TOLD["from"],
        "to": TOLD["to"],
        "from_number": "+441632960123",
        "to_number": "300",
        "headers": [{"name": "X-Account", "value": "7"}],
        "sip_data": {
            "sip_req_user": "300",
            "sip_req_host": "here.example",
            "sip_req_uri": "300@here.example",
            "sip_from_user": "+441632960123",
            "sip_from_host": "pbx.example",
            "sip_from_uri": "+441632960123@pbx.example",
            "sip_to_user": "300",
            "sip_to_host": "here.example",
            "sip_to_uri": "300@here.example",
        },
        "project_id": "",
        "space_id": "",
    }


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "nobody answers there"),
        (401, "the user and password of the URL are not accepted"),
        (403, "signing key"),
        (500, "answered 500"),
        (WebReply(200, SHOWN, body=b"<html>"), "not an SWML document"),
        (WebReply(200, SHOWN, body=b'{"sections": '), "not JSON"),
    ],
)
@pytest.mark.parametrize("fallback", [True, False])
def test_a_document_that_cannot_be_had(answer: Any, said: str, fallback: bool) -> None:
    @virtual_time
    async def tried() -> None:
        plan = f"""
routes: [{{to: "300"}}]
swml: {{url: "{URL}"{", fallback: sorry" if fallback else ""}}}
sections:
  sorry: [{{set: {{why: "${{vars.swml_failed_reason}}"}}}}]
"""
        call = calling(plan, FakeWeb({URL: answer}), answered=False)
        await run_plan(call.control())
        assert said in failures(call)[0]
        if fallback:
            assert said in variables(call)["why"]
            assert call.caller.state is LegState.EARLY
        else:
            assert (call.caller.state, call.caller.status) == (LegState.DISCONNECTED, 503)

    tried()


@virtual_time
async def test_a_caller_who_was_answered_goes_on_at_the_next_step() -> None:
    call = calling(f"- swml: {URL}\n- set: {{after: 1}}", FakeWeb({URL: None}))
    assert (await run_plan(call.control())).ok
    assert variables(call)["after"] == 1


@virtual_time
async def test_a_caller_who_hangs_up_waits_for_no_document() -> None:
    class Slow(FakeWeb):
        async def ask(self, request: WebRequest) -> WebReply:
            await asyncio.sleep(60)
            raise AssertionError("it was not given up")

    call = calling(ATTACHED, Slow(), answered=False)
    walk = asyncio.ensure_future(run_plan(call.control()))
    await asyncio.sleep(1)
    await call.caller.hangup(487)
    assert not (await walk).ok


@pytest.mark.swml("verb", "execute", "a document at a URL returns a value to the plan")
@virtual_time
async def test_execute_asks_a_url_and_comes_back() -> None:
    inner = document({"set": {"seen": "${params.n}"}}, {"return": {"ok": True}})
    web = FakeWeb({URL: inner})
    call = calling(
        """
- execute:
    dest: "${vars.base}"
    params: {n: 5}
    on_return: [{set: {said: "${return_value.ok}"}}]
- set: {after: "${params.n}"}
""".replace("- execute", f"- set: {{base: '{URL}'}}\n- execute", 1),
        web,
    )
    assert (await run_plan(call.control())).ok
    assert variables(call) == {
        "base": URL, "seen": 5, "return_value": {"ok": True}, "said": True, "after": ""
    }  # fmt: skip
    assert web.asked[0].data["params"] == {"n": 5}


@pytest.mark.swml("verb", "transfer", "a document at a URL takes the plan's place")
@virtual_time
async def test_transfer_to_a_url_does_not_come_back() -> None:
    other = "https://other.example/next"
    web = FakeWeb(
        {URL: document({"transfer": {"dest": other}}, "hangup"), other: document({"set": {"a": 1}})}
    )
    call = calling(f"- transfer: {{dest: '{URL}'}}\n- set: {{never: 1}}", web)
    assert (await run_plan(call.control())).ok
    assert variables(call) == {"a": 1}


@virtual_time
async def test_documents_that_send_the_call_round_and_round_are_stopped() -> None:
    web = FakeWeb({URL: document({"transfer": URL})})
    call = calling(f"- transfer: '{URL}'", web)
    await run_plan(call.control())
    assert len(web.asked) == MAX_FETCHES
    assert failures(call) == [f"more than {MAX_FETCHES} documents fetched in one call"]


@pytest.mark.swml("verb", "request", "method, headers, body, result and saved variables")
@virtual_time
async def test_a_request_keeps_what_came() -> None:
    url = "https://api.example/orders?id=7"
    web = FakeWeb({url: {"order": {"state": "sent"}, "items": [1, 2]}})
    call = calling(
        """
- set: {id: 7}
- request:
    url: "https://api.example/orders?id=${vars.id}"
    method: POST
    headers: {X-Key: abc, X-Id: "${vars.id}"}
    body: {who: "${call.from}"}
    timeout: 3
    connect_timeout: 1
    save_variables: true
- set: {said: "${request_response.order.state} ${request_response.items[1]}"}
""",
        web,
    )
    assert (await run_plan(call.control())).ok
    known = variables(call)
    assert known["said"] == "sent 2"
    assert (known["request_url"], known["request_result"]) == (url, "success")
    assert known["request_response_code"] == 200
    (request,) = web.asked
    assert (request.method, request.headers, request.data) == (
        "POST", {"X-Key": "abc", "X-Id": "7"}, {"who": TOLD["from"]}
    )  # fmt: skip
    assert (request.timeout, request.connect_timeout, request.by) == (3, 1, "request")


@pytest.mark.parametrize("answer", [None, 404])
def test_a_request_that_failed_says_so_and_the_plan_goes_on(answer: int | None) -> None:
    @virtual_time
    async def tried() -> None:
        url = "https://api.example/x"
        call = calling(
            f"- set: {{request_response: old}}\n"
            f"- request: {{url: '{url}', method: PUT, body: 'a=b', timeout: 0}}\n- set: {{on: 1}}",
            FakeWeb({url: answer}),
        )
        assert (await run_plan(call.control())).ok
        known = variables(call)
        assert (known["request_result"], known["on"]) == ("failed", 1)
        assert known["request_response_code"] == answer
        assert "request_response" not in known

    tried()


@virtual_time
async def test_a_request_whose_answer_is_no_json_saves_nothing() -> None:
    url = "https://api.example/x"
    web = FakeWeb({url: WebReply(200, url, body=b"plain words")})
    call = calling(f"- request: {{url: '{url}', method: GET, save_variables: true}}", web)
    assert (await run_plan(call.control())).ok
    assert variables(call)["request_response"] == {}
    assert variables(call)["request_response_body"] == "plain words"


@pytest.mark.swml("verb", "connect", "transfer_after_bridge leads to a document at a URL")
@virtual_time
async def test_a_bridge_that_is_over_leads_to_a_url() -> None:
    web = FakeWeb({URL: document({"set": {"survey": 1}})})
    call = calling(
        f"- connect: {{to: 'sip:a@b', transfer_after_bridge: '{URL}'}}\n- set: {{never: 1}}",
        web,
    )
    walk = asyncio.ensure_future(run_plan(call.control()))
    await asyncio.sleep(5)
    call.dialer.legs[0].hang_up_remotely()
    assert (await walk).ok
    assert variables(call)["survey"] == 1
    assert "never" not in variables(call)


@pytest.mark.parametrize("verb", ["execute", "transfer"])
def test_a_step_whose_document_cannot_be_had_says_why_and_the_plan_goes_on(verb: str) -> None:
    @virtual_time
    async def tried() -> None:
        call = calling(f"- {verb}: '{URL}'\n- set: {{after: 1}}", FakeWeb({URL: 404}))
        assert (await run_plan(call.control())).ok
        known = variables(call)
        assert known["after"] == 1
        assert "there is nothing at this path" in known[f"{verb}_failed_reason"]
        assert failures(call) == [known[f"{verb}_failed_reason"]]

    tried()


async def test_a_large_document_is_read_beside_the_call() -> None:
    steps = "".join(f"    - play: {{url: 'say:{n}'}}\n" for n in range(1_000))
    text = f"version: 1.0.0\nsections:\n  main:\n{steps}".encode()
    call = calling("- hangup", FakeWeb({URL: WebReply(200, SHOWN, body=text)}))
    turns = 0

    async def beside() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.ensure_future(beside())
    document = await SwmlDocuments().fetch(URL, call.session)
    other.cancel()
    assert len(document.program["main"]) == 1_000
    assert turns > 1
    await call.close()
