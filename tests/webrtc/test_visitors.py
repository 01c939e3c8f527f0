"""Who may call from a page, and what is said to whoever may not, or says it wrongly."""

import json
from pathlib import Path

import pytest

from sipagent.config import Webrtc
from sipagent.events import CallStarted, Said
from sipagent.testing.server import running
from sipagent.testing.sounding import the
from tests.api.door import FEW, Tokens, client

from .page import page

PLAN = """
routes: [{to: "1XX"}]
agents:
  desk:
    greeting: "Hello."
    silence_seconds: 600
    intents: {bye: {phrases: ["goodbye"], say: "Bye."}}
sections: {main: [answer, {ai: {agent: desk}}]}
"""
SDP = {"content-type": "application/sdp"}
SITE = "https://www.example"


@pytest.mark.slow
async def test_a_visitor_calls_what_its_token_names_until_it_is_revoked(tmp_path: Path) -> None:
    tokens = Tokens(origins=[SITE])
    webrtc = Webrtc(captions=True, calls_per_token=1)
    async with (
        running(tmp_path, PLAN, limits=FEW, api=tokens.api, webrtc=webrtc) as server,
        client(server, tokens.of["admin"]) as site,
        client(server, tokens.of["operator"]) as operator,
        client(server, tokens.of["viewer"]) as viewer,
    ):
        wish = {"name": "visitor", "to": ["100", "99"], "listen": ["v1"], "seconds": 60}
        assert (await operator.post("/v1/tokens", json=wish)).status_code == 403
        assert (await viewer.get("/v1/webrtc")).status_code == 403
        assert (await site.post("/v1/tokens", json=wish | {"seconds": 3601})).status_code == 422
        made = (await site.post("/v1/tokens", json=wish)).json()
        async with client(server, made["token"]) as http, page(http) as alice:
            # calls and nothing else
            for path in ("/v1/calls", "/v1/events", "/v1/tokens"):
                assert (await http.get(path)).status_code == 403
            assert (await http.get("/v1/webrtc/listen?name=alice")).status_code == 403
            assert (await http.get("/v1/webrtc")).json() == {
                "ice_servers": [],
                "events": False,
                "captions": True,
            }
            # a page of the site may, by any of its requests; other pages may not
            asks = {"origin": SITE, "access-control-request-method": "DELETE"}
            preflight = await http.options("/v1/webrtc/x", headers=asks)
            assert preflight.headers["access-control-allow-origin"] == SITE
            evil = {"origin": "https://evil.example"}
            assert (await http.get("/v1/webrtc", headers=evil)).status_code == 403
            script = await http.get("/phone/phone.js", headers={"origin": SITE})
            assert script.headers["access-control-allow-origin"] == SITE

            offer = await alice.offer()
            for query, body, headers, status in (
                ({"to": "101"}, offer, SDP, 403),
                ({"to": "99"}, offer, SDP, 404),
                ({"to": "100"}, "v=1", SDP, 422),
                ({"to": "100"}, offer.replace("opus", "hopus"), SDP, 422),
                ({"to": "100"}, offer, {"content-type": "text/plain"}, 415),
                ({}, offer, SDP, 422),
                ({"ring": "nothing"}, offer, SDP, 410),
            ):
                answer = await http.post("/v1/webrtc", params=query, content=body, headers=headers)
                assert answer.status_code == status, (query, answer.text)
                assert answer.json()["detail"]
            assert (await http.patch("/v1/webrtc/x", content="")).status_code == 405

            await alice.call(to="100")
            started: CallStarted = await the(server, CallStarted, call_id=alice.call_id)
            assert started.caller == "web:visitor"
            full = await http.post("/v1/webrtc", params={"to": "100"}, content=offer, headers=SDP)
            assert full.status_code == 503
            assert (await operator.delete(alice.location)).status_code == 404
            # what is said, and nothing else of the call
            await the(server, Said, text="Hello.")
            await alice.until(lambda: bool(alice.events))
            assert {event["type"] for event in alice.events} == {"said"}

            assert (await operator.delete(f"/v1/tokens/{made['id']}")).status_code == 403
            assert (await site.get("/v1/tokens")).json()["tokens"][0]["name"] == "visitor"
            assert (await site.delete(f"/v1/tokens/{made['id']}")).status_code == 204
            assert (await alice.state("ended"))["status"] == 200
            await server.ended()
            assert (await http.get("/v1/webrtc")).status_code == 401
            assert (await site.delete(f"/v1/tokens/{made['id']}")).status_code == 404
        audit = tmp_path / "bundles" / "audit.jsonl"
        acts = [json.loads(line) for line in audit.read_text().splitlines()]
        assert {"web:visitor", "api:admin"} <= {act["by"] for act in acts}
        assert made["token"] not in audit.read_text()
