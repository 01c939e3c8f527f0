"""`sipagent check URL`: what a server of SWML would give a call, and what is wrong with it."""

from typing import Any

import pytest

from sipagent.app.distant import check_url
from sipagent.config import Settings, Web
from sipagent.testing.web_server import Answer, WebServer


async def said(answer: Answer, path: str = "/", **web: Any) -> list[str]:
    async with WebServer(lambda _: answer) as server:
        settings = Settings(tools=(), web=Web(**({"allow": (server.place,)} | web)))
        found = await check_url(f"http://u:hidden@{server.place}{path}?hidden", settings)
        lines = [str(finding).replace(server.place, "HOST") for finding in found]
    assert "hidden" not in "".join(lines)
    if server.requests:
        assert server.requests[0].user == "u:hidden"
        assert "." not in server.requests[0].json["call"]["call_id"]
    return lines


async def test_a_sound_document_has_nothing_to_say() -> None:
    sections = {"main": ["answer", {"play": {"url": "say:hello"}}, "hangup"]}
    assert await said(Answer(data={"version": "1.0.0", "sections": sections})) == []


async def test_unknown_keys_are_warnings_and_unknown_verbs_errors() -> None:
    text = b"""{
 "sections": {"main": [
  {"play": {"url": "say:hello", "urgency": 3}},
  {"teleport": {}}
 ]},
 "generator": "x"
}"""
    lines = await said(Answer(body=text))
    assert lines[0] == (
        "http://HOST/:3:33: warning: sections.main[0].play.urgency: unknown key of play, ignored"
    )
    assert lines[1].startswith("http://HOST/:4:4: error: sections.main[1].teleport: unknown verb")
    assert lines[2] == "http://HOST/:6:2: warning: generator: unknown key, ignored"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(401), "answered 401: the user and password of the URL are not accepted"),
        (Answer(body=b"<html>"), "expected a mapping"),
        (Answer(body=b"{"), "not JSON"),
        (Answer(body=bytes(2 << 20)), "larger than 1048576 bytes"),
        (Answer(302, headers={"Location": "http://10.0.0.1/"}), "10.0.0.1: refused"),
    ],
)
async def test_a_document_that_cannot_be_had_is_an_error(answer: Answer, expected: str) -> None:
    (line,) = await said(answer)
    assert "http://HOST/:1:1: error: " in line
    assert expected in line


async def test_a_server_inside_the_house_must_be_permitted() -> None:
    (line,) = await said(Answer(), allow=())
    assert "to permit it write `web: {allow:" in line
