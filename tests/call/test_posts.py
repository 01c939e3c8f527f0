"""Posts: URLs are told of a call in order, with patience, and never at the call's cost."""

import asyncio

from sipagent.call.posts import MOST, shown
from sipagent.call.web import WebReply, WebRequest
from sipagent.events import CallEnded, Warned
from sipagent.testing.fakes import a_call
from sipagent.testing.posted import FakeWeb
from sipagent.testing.virtual import virtual_time

URL = "https://user:secret@status.example/call?token=1"


class SlowWeb:
    """Takes its time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.done: list[WebRequest] = []

    async def ask(self, request: WebRequest) -> WebReply:
        await asyncio.sleep(self.seconds)
        self.done.append(request)
        return WebReply(200, request.url)


@virtual_time
async def test_what_a_url_is_told_comes_in_order_even_where_it_has_to_be_said_again() -> None:
    web = FakeWeb({URL: [503, None, 200]})
    call = a_call(web=web)
    for number in range(3):
        call.session.posts.send(URL, {"number": number})
    await asyncio.sleep(10)
    assert [body["number"] for body in web.told(URL)] == [0, 0, 0, 1, 2]
    assert call.all(Warned) == []


@virtual_time
async def test_three_tries_are_enough_and_the_warning_tells_no_secret() -> None:
    web = FakeWeb({URL: None})
    call = a_call(web=web)
    call.session.posts.send(URL, {"number": 0})
    call.session.posts.send(URL, {"number": 1})
    await asyncio.sleep(10)
    assert [body["number"] for body in web.told(URL)] == [0, 0, 0, 1]
    (warned,) = call.all(Warned)
    expected = "https://status.example/call was not told: nobody answers there"
    assert (warned.code, warned.detail) == ("not_told", expected)


@virtual_time
async def test_a_refusal_is_not_repeated() -> None:
    web = FakeWeb({URL: 404})
    call = a_call(web=web)
    call.session.posts.send(URL, {})
    await asyncio.sleep(10)
    assert len(web.asked) == 1 and "404" in call.all(Warned)[0].detail


@virtual_time
async def test_the_end_of_a_call_waits_for_its_posts_and_for_no_url_too_long() -> None:
    web = SlowWeb(3.0)
    call = a_call(web=web)
    for _ in range(4):
        call.session.posts.send(URL, {})
    began = asyncio.get_running_loop().time()
    await call.close()
    assert len(web.done) == 4 and call.all(CallEnded)
    assert asyncio.get_running_loop().time() - began < 15
    stuck = a_call(web=SlowWeb(3600))
    stuck.session.posts.send(URL, {})
    began = asyncio.get_running_loop().time()
    await stuck.close()
    assert stuck.all(CallEnded) and asyncio.get_running_loop().time() - began < 60


@virtual_time
async def test_a_url_that_is_too_slow_loses_the_newest_and_the_call_is_not_held_up() -> None:
    web = SlowWeb(0.1)
    call = a_call(web=web)
    for number in range(MOST + 50):
        call.session.posts.send(URL, {"number": number})
    assert web.done == []
    await asyncio.sleep(60)
    assert [request.data["number"] for request in web.done] == list(range(MOST))
    assert "50 posts were dropped" in call.all(Warned)[0].detail


@virtual_time
async def test_a_get_has_what_it_says_in_its_query() -> None:
    web = FakeWeb()
    call = a_call(web=web)
    call.session.posts.send("https://a.example/x?k=1", {"b": {"c": 2}, "d": "e f"}, method="GET")
    await asyncio.sleep(1)
    assert web.asked[0].url == "https://a.example/x?k=1&b.c=2&d=e+f"
    assert web.asked[0].method == "GET"


def test_a_url_is_written_down_without_what_is_secret_in_it() -> None:
    assert shown("https://u:p@h.example:8443/a/b?__token=x#y") == "https://h.example:8443/a/b"
