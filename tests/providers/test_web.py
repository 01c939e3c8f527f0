"""The way out to the web: whom it asks, what it refuses, and where every wait and size ends."""

import asyncio
import gzip
import hashlib
import hmac
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trustme

from sipagent.call.web import WebFailed, WebRequest, without_secrets
from sipagent.config import Web
from sipagent.events import WebAsked
from sipagent.providers.web.addresses import is_public, parsed
from sipagent.providers.web.client import HttpWeb
from sipagent.providers.web.guard import Guard
from sipagent.testing.web_server import Answer, Question, WebServer

KEY = "PSK-a-key"


def echo(question: Question) -> Answer:
    return Answer(data={"target": question.target, "user": question.user})


@asynccontextmanager
async def client(*servers: WebServer, **settings: Any) -> AsyncIterator[HttpWeb]:
    allow = settings.pop("allow", tuple(server.place for server in servers))
    resolve = settings.pop("resolve", None)
    more = {} if resolve is None else {"resolve": resolve}
    web = HttpWeb(Web(allow=allow, **settings), **more)
    try:
        yield web
    finally:
        await web.close()


async def refused(web: HttpWeb, url: str, **request: Any) -> str:
    with pytest.raises(WebFailed) as caught:
        await web.ask(WebRequest(url, **request))
    return str(caught.value)


async def test_user_and_password_become_basic_auth_and_the_query_stays_as_it_is() -> None:
    async with WebServer(echo) as server, client(server) as web:
        query = "?__token=a.b-c_d%3D%3D&x=1%202"
        url = f"http://ann:p%40ss%3Aword:2@{server.place}/swaig/{query}"
        reply = await web.ask(WebRequest(url, "POST", data={"a": 1}))
    assert reply.json() == {"target": f"/swaig/{query}", "user": "ann:p@ss:word:2"}
    assert reply.url == f"http://{server.place}/swaig/{query}"
    (question,) = server.requests
    assert question.headers["host"] == server.place
    assert question.headers["content-type"] == "application/json"
    assert question.json == {"a": 1}


async def test_connections_are_kept_for_the_next_request() -> None:
    async with WebServer(echo) as server, client(server) as web:
        for _ in range(3):
            assert (await web.ask(WebRequest(server.url))).ok
        assert server.connections == 1


async def test_a_temporary_redirect_keeps_method_body_and_credentials() -> None:
    def answer(question: Question) -> Answer:
        return Answer(307, headers={"Location": "/sales?x=%2B"}) if question.path == "/sip" else OK

    async with WebServer(answer) as server, client(server) as web:
        url = f"http://u:p@{server.place}/sip"
        reply = await web.ask(WebRequest(url, "POST", {"X-Own": "1"}, data={"call": 1}))
    assert reply.status == 200
    last = server.requests[-1]
    assert (last.method, last.target, last.user) == ("POST", "/sales?x=%2B", "u:p")
    assert last.json == {"call": 1}
    assert last.headers["x-own"] == "1"


OK = Answer(data={"fine": True})


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_other_redirects_become_a_get_without_a_body(status: int) -> None:
    def answer(question: Question) -> Answer:
        return Answer(status, headers={"Location": "/b"}) if question.path == "/a" else OK

    async with WebServer(answer) as server, client(server) as web:
        await web.ask(WebRequest(f"{server.url}/a", "POST", data={"call": 1}))
    last = server.requests[-1]
    assert (last.method, last.body) == ("GET", b"")
    assert "content-type" not in last.headers


async def test_credentials_and_headers_do_not_follow_to_another_server() -> None:
    async with WebServer(lambda _: OK) as other:
        sent = Answer(307, headers={"Location": f"{other.url}/x"})
        async with WebServer(lambda _: sent) as server, client(server, other) as web:
            headers = {"Authorization": "Bearer secret", "X-Api-Key": "secret"}
            await web.ask(WebRequest(server.url, "POST", headers, data={"a": 1}))
    assert other.requests[0].json == {"a": 1}
    assert "secret" not in str(other.requests[0].headers)


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("http://169.254.169.254/latest/meta-data", "169.254.169.254 is not a public address"),
        ("http://[::ffff:169.254.169.254]/", "is not a public address"),
        ("file:///etc/passwd", "file: is not http or https"),
        ("gopher://x/", "gopher: is not http or https"),
        ("//10.0.0.1/x", "10.0.0.1 is not a public address"),
        ("/again", "more than 3 redirects"),
    ],
)
async def test_every_hop_of_a_redirect_is_judged(location: str, said: str) -> None:
    sent = Answer(302, headers={"Location": location})
    async with WebServer(lambda _: sent) as server, client(server) as web:
        assert said in await refused(web, server.url)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0.0.0.0", "[::1]", "[::]", "10.1.2.3",
     "192.168.0.9", "172.16.0.1", "100.64.0.1", "169.254.169.254", "[fe80::1]", "[fd00:ec2::254]",
     "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]", "[64:ff9b:1::1]", "[2002:7f00:1::]", "[::127.0.0.1]",
     "[fec0::1]", "224.0.0.1", "255.255.255.255", "240.0.0.1", "168.63.129.16", "192.0.2.1"],
)  # fmt: skip
async def test_addresses_inside_the_house_are_refused_in_every_form(host: str) -> None:
    async with client() as web:
        said = await refused(web, f"http://user:hidden@{host}:8080/secret?token=1")
    assert "is not a public address" in said
    assert f'allow: ["{host}:8080"]' in said
    assert "hidden" not in said
    assert "token" not in said


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "1.1.1.1"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(parsed(address))


@pytest.mark.parametrize(
    ("allow", "url"),
    [
        ("agents.internal", "http://agents.internal:3000/"),
        ("agents.internal:3000", "http://AGENTS.internal.:3000/"),
        ("10.0.0.0/8", "http://agents.internal:3000/"),
        ("10.0.0.7", "http://agents.internal:3000/"),
        ("10.0.0.7:3000", "http://agents.internal:3000/"),
        ("10.0.0.7:3000", "http://10.0.0.7:3000/"),
    ],
)
async def test_what_the_operator_names_may_be_asked(allow: str, url: str) -> None:
    async def inside(host: str, port: int) -> Sequence[str]:
        return ("fe80::1%eth0", "10.0.0.7")

    port = int(url.rpartition(":")[2].strip("/"))
    guard = Guard(Web(allow=(allow,)).allow, inside)
    assert "10.0.0.7" in await guard.addresses(url.split("/")[2].rpartition(":")[0], port)


async def test_what_the_operator_did_not_name_may_not() -> None:
    for allow in ("agents.internal", "10.0.0.8", "10.0.0.7:3000", "10.0.1.0/24"):
        with pytest.raises(WebFailed, match=r"10\.0\.0\.7 is not a public address"):
            await Guard((allow,), _one("10.0.0.7")).addresses("others.internal", 3001)


def _one(address: str) -> Any:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return (address,)

    return resolve


async def test_a_name_that_leads_inside_is_refused() -> None:
    async with WebServer(echo) as server:
        async with client(allow=(), resolve=_one("127.0.0.1")) as web:
            said = await refused(web, f"http://agents.example:{server.port}/")
        assert "agents.example: refused: 127.0.0.1 is not a public address" in said
        assert server.connections == 0


async def test_a_name_is_asked_for_once_and_its_answer_is_what_is_connected_to() -> None:
    asked = []

    async def changing(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ("127.0.0.1",) if len(asked) == 1 else ("127.0.0.2",)

    async with WebServer(echo) as server:
        allow = (f"127.0.0.1:{server.port}",)
        async with client(allow=allow, resolve=changing) as web:
            assert (await web.ask(WebRequest(f"http://rebind.example:{server.port}/"))).ok
    assert asked == ["rebind.example"]
    assert server.requests[0].headers["host"] == f"rebind.example:{server.port}"


async def test_the_next_address_is_tried_where_the_first_takes_nobody() -> None:
    async def both(host: str, port: int) -> Sequence[str]:
        return ("::1", "127.0.0.1")

    async with WebServer(echo) as server, client(allow=("localhost",), resolve=both) as web:
        assert (await web.ask(WebRequest(f"http://localhost:{server.port}/"))).ok


@pytest.mark.parametrize("port", [22, 25, 111, 0])
async def test_ports_of_other_protocols_are_refused(port: int) -> None:
    with pytest.raises(WebFailed, match="is not one of the web's"):
        await Guard((), _one("8.8.8.8")).addresses("public.example", port)


async def drip(_: Question) -> AsyncIterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    while True:
        yield b"."
        await asyncio.sleep(0.02)


async def flood(_: Question) -> AsyncIterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    while True:
        yield b"1000\r\n" + bytes(0x1000) + b"\r\n"


async def headers(_: Question) -> AsyncIterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        yield b"X-A: " + b"a" * 1000 + b"\r\n"


async def nothing(_: Question) -> AsyncIterator[bytes]:
    await asyncio.sleep(60)
    yield b""


async def garbage(_: Question) -> AsyncIterator[bytes]:
    yield b"220 mail.example ESMTP\r\n"


async def half(_: Question) -> AsyncIterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of it"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (drip, "not there within 0.4 s"),
        (nothing, "not there within 0.4 s"),
        (flood, "larger than 65536 bytes"),
        (headers, "the connection failed"),
        (garbage, "the connection failed"),
        (half, "the connection failed"),
        (lambda _: Answer(headers={"Content-Encoding": "gzip"},
                          body=gzip.compress(bytes(50_000_000))), "larger than 65536 bytes"),
        (lambda _: Answer(headers={"Content-Encoding": "gzip"},
                          body=b"not gzip"), "cannot be unpacked"),
        (lambda _: Answer(headers={"Content-Encoding": "br"}, body=b"x"), "came as br"),
        (lambda _: Answer(body=bytes(70_000)), "larger than 65536 bytes"),
    ],
)  # fmt: skip
async def test_hostile_answers_are_cut_off(answer: Any, said: str) -> None:
    async with WebServer(answer) as server, client(server) as web:
        # a loaded machine may be too slow for any of it
        told = await refused(web, server.url, timeout=0.4, most=65_536)
    assert said in told or "not there within" in told


async def test_a_packed_answer_is_unpacked() -> None:
    packed = Answer(headers={"Content-Encoding": "gzip"}, body=gzip.compress(b"hello"))
    async with WebServer(lambda _: packed) as server, client(server) as web:
        assert (await web.ask(WebRequest(server.url))).text == "hello"


async def test_the_operators_bounds_hold_whatever_is_asked_for() -> None:
    async with WebServer(nothing) as server, client(server, timeout=0.1) as web:
        assert "within 0.1 s" in await refused(web, server.url, timeout=50)
    large = WebServer(lambda _: Answer(body=bytes(2000)))
    async with large as server, client(server, most=1024) as web:
        assert "larger than 1024 bytes" in await refused(web, server.url)


@pytest.mark.parametrize(
    "url", ["", "nonsense", "ftp://x/", "http:///x", "http://[::1/", "http://a b/", "\0"]
)
async def test_what_is_no_web_address_says_so(url: str) -> None:
    async with client() as web:
        assert await refused(web, url)


async def test_headers_that_would_split_a_request_are_refused() -> None:
    async with WebServer(echo) as server, client(server) as web:
        said = await refused(web, server.url, headers={"X-A": "b\r\nX-C: d"})
        assert "does not allow" in said
        await web.ask(WebRequest(server.url, headers={"Host": "other", "Content-Length": "9"}))
    assert server.requests[0].headers["host"] == server.place


@pytest.mark.parametrize("by_port", [True, False])
async def test_requests_are_signed_where_a_key_stands_for_the_host(by_port: bool) -> None:
    async with WebServer(echo) as server:
        keys = {server.place if by_port else "127.0.0.1": KEY}
        async with client(server, signing_keys=keys) as web:
            url = f"http://u:p@{server.place}/swaig?t=1"
            await web.ask(WebRequest(url, "POST", data={"a": "é"}))
    question = server.requests[0]
    message = f"http://{server.place}/swaig?t=1".encode() + question.body
    for name, kind in (("signature", hashlib.sha1), ("sha256-signature", hashlib.sha256)):
        made = hmac.new(KEY.encode(), message, kind).hexdigest()
        assert question.headers[f"x-signalwire-{name}"] == made


async def test_what_was_asked_is_on_record_without_its_secrets() -> None:
    told: list[WebAsked] = []

    def tell(kind: type[WebAsked], **fields: Any) -> None:
        told.append(kind(call_id="c", **fields))

    async with WebServer(echo) as server, client(server) as web:
        web.tell = tell
        url = f"http://u:hidden@{server.place}/swaig?token=hidden"
        await web.ask(WebRequest(url, "POST", data={}, by="function:order"))
        await refused(web, "http://10.0.0.1/x")
    first, second = told
    assert (first.by, first.method, first.host, first.path, first.status) == (
        "function:order", "POST", server.place, "/swaig", 200
    )  # fmt: skip
    assert first.bytes > 10
    assert first.error == ""
    assert (second.host, second.status) == ("10.0.0.1", None)
    assert "refused" in second.error
    assert "hidden" not in str(told)


async def test_a_certificate_is_judged_by_the_name_and_not_by_the_address() -> None:
    authority = trustme.CA()
    served, trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("agents.example").configure_cert(served)
    authority.configure_trust(trusted)
    async with WebServer(echo, tls=served) as server:
        settings = Web(allow=("127.0.0.1",))
        web = HttpWeb(settings, resolve=_one("127.0.0.1"), trust=lambda: trusted)
        reply = await web.ask(WebRequest(f"https://agents.example:{server.port}/x"))
        assert reply.json()["target"] == "/x"
        assert "certificate" in await refused(web, f"https://other.example:{server.port}/x")
        await web.close()


@pytest.mark.parametrize("entry", ["a b", "x:99999", "10.0.0.1/8", "http://x", "*", ""])
def test_an_entry_of_allow_that_means_nothing_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="allow"):
        Web(allow=(entry,))


def test_a_url_is_shown_without_its_secrets() -> None:
    assert without_secrets("https://u:p@h:1/a/b?token=1#x") == "https://h:1/a/b"
