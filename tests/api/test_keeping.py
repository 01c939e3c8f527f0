"""What is kept and told of a call, by HTTP: its bundle as one zip, and webhooks."""

from pathlib import Path

from sipagent.config import Webhook
from sipagent.events import CallEnded, CallStarted
from sipagent.store.archive import read_archive
from sipagent.testing.mortal import until
from sipagent.testing.phone import Phone
from sipagent.testing.server import running
from sipagent.testing.sounding import dial, the
from sipagent.testing.web_server import Answer, WebServer

from .door import FEW, Tokens, client

PLAN = """
name: desk
routes: [{to: "200"}]
sections:
  main: [answer, {record_call: {control_id: call}}, {play: "silence:60"}, hangup]
"""


async def test_a_call_is_told_to_its_webhook_and_packed_for_whoever_may_read_it(
    tmp_path: Path,
) -> None:
    tokens = Tokens()
    secret = tmp_path / "secret"
    secret.write_text("a secret of some length")
    async with WebServer(lambda question: Answer(204)) as crm:
        hook = Webhook.model_validate(
            {"url": f"{crm.url}/in?key=hush", "secret_file": str(secret), "events": "calls"}
        )
        async with (
            Phone(user="alice") as alice,
            running(tmp_path, PLAN, limits=FEW, api=tokens.api, webhooks={"crm": hook}) as server,
            client(server, tokens.of["admin"]) as admin,
            client(server, tokens.of["viewer"]) as viewer,
        ):
            call = await dial(alice, server, "200")
            started: CallStarted = await the(server, CallStarted)
            here = f"/v1/calls/{started.call_id}"
            early = await viewer.get(f"{here}/bundle")
            assert (early.status_code, early.json()["detail"]) == (
                409, "the call goes on; its bundle is whole when it is over"
            )  # fmt: skip
            await call.hangup()
            ended: CallEnded = await the(server, CallEnded)
            await server.bundle(ended.call_id)

            await until(lambda: len(crm.requests) == 3)
            assert [q.headers["webhook-id"].partition("_")[2] for q in crm.requests] == [
                "call_started", "call_ended", "call_record",
            ]  # fmt: skip
            assert crm.requests[-1].json["data"]["plan"] == "desk"
            await until(lambda: server.gateway.hooks.views()[0].waiting == 0)
            (seen,) = (await viewer.get("/v1/webhooks")).json()["webhooks"]
            assert (seen["name"], seen["url"], seen["state"]) == ("crm", crm.url, "working")
            assert (await viewer.post("/v1/webhooks/crm/test")).status_code == 403
            assert (await admin.post("/v1/webhooks/crm/test")).json()["ok"] is True
            assert (await admin.post("/v1/webhooks/none/test")).status_code == 404

            packed = await viewer.get(f"{here}/bundle", params={"without": "audio"})
            assert packed.headers["content-type"] == "application/zip"
            zipped = tmp_path / "call.zip"
            zipped.write_bytes(packed.content)
            archive = read_archive(zipped)
            assert archive.bundle.cdr.call_id == started.call_id
            assert archive.began is not None
            assert archive.began.name == "desk"
            assert b"INVITE" in archive.texts["sip.txt"]
            wrong = await viewer.get(f"{here}/bundle", params={"without": "sound"})
            assert (wrong.status_code, wrong.json()["place"]) == (422, "query.without")
            assert (await viewer.get("/v1/calls/none/bundle")).status_code == 404
