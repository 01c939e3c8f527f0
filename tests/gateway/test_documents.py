"""An agent written elsewhere takes real calls: its document is fetched while the phone rings."""

from pathlib import Path

import pytest

from sipagent.config import Web
from sipagent.errors import LegFailed
from sipagent.events import CallStarted, StepStarted, VerbDone, WebAsked
from sipagent.testing.phone import Phone
from sipagent.testing.server import running
from sipagent.testing.sounding import the
from sipagent.testing.web_server import Answer, Question, WebServer


def agent(question: Question) -> Answer:
    if question.user != "ann:secret":
        return Answer(401)
    if question.path == "/sip":
        return Answer(307, headers={"Location": "/sales"})
    caller = question.json["call"]["from"]
    main = [{"set": {"caller": caller}}, "answer", {"sleep": 200}, "hangup"]
    return Answer(data={"version": "1.0.0", "sections": {"main": main}})


@pytest.mark.swml("verb", "hangup", "of a document that was fetched, on a real call")
async def test_calls_are_taken_by_documents_and_refused_where_there_is_none(tmp_path: Path) -> None:
    async with WebServer(agent) as server:
        attached = 'routes: [{to: "%s"}]\nswml: http://%s@' + server.place + "/sip\n"
        plans = {
            "agent": attached % (300, "ann:secret"),
            "wrong": attached % (301, "ann:guess"),
            "private": 'routes: [{to: "302"}]\nswml: http://127.0.0.1:1/\n',
        }
        async with (
            Phone(user="one") as one,
            running(tmp_path, plans, web=Web(allow=(server.place,))) as house,
        ):
            call = await one.dial(house.uri("300"))
            await call.wait_answered()
            ended = await call.wait_ended()
            assert (ended.by, ended.status) == ("remote", 200)
            assert call.times.ringing is not None
            for number in ("301", "302"):
                with pytest.raises(LegFailed, match="503"):
                    await (await one.dial(house.uri(number))).wait_answered()
            await house.ended(3)
            refused = await the(house, WebAsked, host="127.0.0.1:1")
            failed = await the(house, VerbDone, 2, verb="swml", ok=False)
        started = next(e for e in house.events if isinstance(e, CallStarted))
    told = server.requests[1].json["call"]
    assert server.requests[1].target == "/sales"
    assert told["call_id"] == started.swml_id
    assert told["call_id"] != started.call_id
    assert (told["call_state"], told["to_number"]) == ("ringing", "300")
    steps = [e.verb for e in house.events if isinstance(e, StepStarted) and e.document]
    assert steps == ["set", "answer", "sleep", "hangup"]
    assert "to permit it write" in refused.error
    assert failed.status == 503
    assert "secret" not in "".join(event.model_dump_json() for event in house.events)
