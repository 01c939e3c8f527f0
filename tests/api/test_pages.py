"""Pages that come with the package: read without a token, under a strict policy, and no way out."""

from pathlib import Path

import httpx
import pytest

from sipagent.api.audit import Audit, AuditedCalls
from sipagent.api.doors import Doors
from sipagent.api.keyring import Keyring
from sipagent.api.pages import CONSOLE, HOME, console, home
from sipagent.api.server import build, gated
from sipagent.testing.server import running

from .door import FEW, Tokens, base, client

PLAN = "sections: {main: [answer, hangup]}"


@pytest.fixture
def door(tmp_path: Path) -> httpx.AsyncClient:
    """The app behind its gate, without a gateway."""
    tokens = Tokens()
    calls: AuditedCalls = AuditedCalls(None, Audit(tmp_path / "audit.jsonl"))  # type: ignore[arg-type]
    doors = Doors(calls, lambda: "", mounts={CONSOLE: console(), HOME: home()})
    app = gated(build(doors), doors, tokens.api, Keyring(tokens.api))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


async def test_anybody_may_read_a_page_and_do_nothing_else_there(door: httpx.AsyncClient) -> None:
    page = await door.get("/console/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert (await door.head("/console/")).content == b""
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert (await door.request(method, "/console/")).status_code in {401, 429}
    assert (await door.get("/consoles")).status_code in {401, 429}


async def test_a_browser_that_knows_only_the_address_finds_the_console(
    door: httpx.AsyncClient,
) -> None:
    first = await door.get("/")
    assert (first.status_code, first.headers["location"]) == (307, "/console/")
    second = await door.get("/console")
    assert second.headers["location"] == "/console/"


async def test_an_unchanged_page_is_not_sent_twice(door: httpx.AsyncClient) -> None:
    tag = (await door.get("/console/")).headers["etag"]
    again = await door.get("/console/", headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    other = await door.get("/console/", headers={"if-none-match": '"another"'})
    assert other.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/console/../server.py",
        "/console/%2e%2e/server.py",
        "/console/..%2fserver.py",
        "/console//etc/passwd",
        "/console/js",
        "/console/nothing.js",
    ],
)
async def test_no_path_leads_out_of_the_pages(door: httpx.AsyncClient, path: str) -> None:
    assert (await door.get(path)).status_code in {401, 404, 429}


async def test_a_token_is_told_what_it_may_do_and_pages_can_be_left_out(tmp_path: Path) -> None:
    tokens = Tokens(console=False)
    async with (
        running(tmp_path, PLAN, limits=FEW, api=tokens.api) as server,
        client(server, tokens.of["viewer"]) as http,
        httpx.AsyncClient(base_url=base(server)) as stranger,
    ):
        me = (await http.get("/v1/me")).json()
        assert me == {
            "name": "viewer",
            "scopes": ["calls:read", "records:read", "system:read"],
            "verbs": None,
        }
        assert (await stranger.get("/v1/me")).status_code == 401
        assert (await stranger.get("/console/")).status_code == 401
        assert (await http.get("/console/")).status_code == 404
