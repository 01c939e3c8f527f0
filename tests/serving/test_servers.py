"""The same functions behind real servers, over sockets: uvicorn, and a web server's CGI."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from http.server import CGIHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from sipagent.serving.asgi import application
from sipagent.serving.common_gateway import read_request
from sipagent.serving.endpoint import MOST, Access, Endpoint
from sipagent.serving.functions import Functions

CALL = {"function": "price", "argument": {"parsed": [{"item": "hat"}]}}
SIGNATURE = {"action": "get_signature", "functions": ["price"]}


@asynccontextmanager
async def served(endpoint: Endpoint) -> AsyncIterator[str]:
    """The URL of an endpoint on a port of its own."""
    config = uvicorn.Config(application(endpoint), port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await running


async def test_a_server_answers_over_http(functions: Functions) -> None:
    access = Access.with_new_secret(Access("me", "word"))
    async with served(Endpoint(functions, access)) as url, httpx.AsyncClient() as client:
        assert (await client.get(f"{url}/health")).json()["status"] == "ok"
        assert (await client.post(f"{url}/swaig", json=CALL)).status_code == 401
        signed = await client.post(f"{url}/swaig/", json=SIGNATURE, auth=("me", "word"))
        (declared,) = signed.json()
        assert declared["web_hook_url"].startswith(f"{url}/swaig?__token=")
        auth = (declared["web_hook_auth_user"], declared["web_hook_auth_password"])
        called = await client.post(declared["web_hook_url"], json=CALL, auth=auth)
        assert called.json() == {"response": "1 hat: 12 euros"}
        huge = await client.post(f"{url}/swaig", content=b" " * (MOST + 1), auth=auth)
        assert huge.status_code == 413


class _Quiet(CGIHTTPRequestHandler):
    #: a fork would run as `nobody`, who may not read this interpreter
    have_fork = False

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """A web server that runs what stands in `cgi-bin`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/cgi-bin"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def test_a_web_server_runs_it_as_cgi(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIPAGENT_TOOLS", str(shop))
    monkeypatch.setenv("SIPAGENT_TOOLS_SECRET", "shared by all processes")
    script = tmp_path / "cgi-bin" / "swaig.py"
    script.parent.mkdir()
    script.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path[:0] = {sys.path!r}\n"
        "from sipagent.serving.common_gateway import main\nmain()\n"
    )
    with web_server(tmp_path) as url, httpx.Client(timeout=60) as client:
        monkeypatch.setenv("SIPAGENT_TOOLS_URL", f"{url}/swaig.py")
        answered = client.post(f"{url}/swaig.py", json=SIGNATURE)
        assert answered.headers["content-type"] == "application/json"
        (declared,) = answered.json()
        assert declared["web_hook_url"].startswith(f"{url}/swaig.py?__token=")
        called = client.post(declared["web_hook_url"], json=CALL)
        assert called.json() == {"response": "1 hat: 12 euros"}


def test_a_cgi_request_is_read_from_its_variables() -> None:
    environment = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "/cgi-bin/swaig",
        "PATH_INFO": "/price",
        "QUERY_STRING": "__token=a",
        "CONTENT_LENGTH": "2",
        "HTTPS": "on",
        "HTTP_HOST": "shop.example",
        "HTTP_AUTHORIZATION": "Basic x",
    }
    request = read_request(environment, BytesIO(b"{}rest"))
    assert (request.method, request.path, request.query) == ("POST", "/price", "__token=a")
    assert request.base == "https://shop.example/cgi-bin/swaig/price"
    assert (request.headers["authorization"], request.body) == ("Basic x", b"{}")
