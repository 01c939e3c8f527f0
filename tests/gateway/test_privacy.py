"""Consent and redaction through a whole server: what is on disk, and what is not."""

from pathlib import Path

from sipagent.events import ConsentChanged, DigitReceived, RecordingStarted, RecordingStopped
from sipagent.testing.phone import Phone
from sipagent.testing.server import Server, running

PLAN = """
routes: [{to: "100"}]
privacy:
  recording_consent: required
  redact: [card_numbers]
sections:
  main:
    - answer
    - record_call
    - ask_consent: {say: "silence:0.2", withdraw_key: "9"}
    - collect_digits: {max_digits: 8}
    - sleep: 600
    - hangup
"""


def consents(server: Server) -> list[str]:
    return [e.consent for e in server.events if isinstance(e, ConsentChanged)]


async def test_a_call_is_recorded_between_the_yes_and_its_withdrawal(tmp_path: Path) -> None:
    async with running(tmp_path, PLAN) as server, Phone() as phone:
        call = await phone.dial(server.uri("100"))
        await call.wait_answered()
        await call.press("1")
        await server.until(lambda e: isinstance(e, RecordingStarted))
        assert consents(server) == ["given"]
        await call.press("7654321", milliseconds=60)
        await call.press("9")
        await server.until(lambda e: isinstance(e, RecordingStopped))
        assert consents(server) == ["given", "withdrawn"]
        await call.hangup()
        end = await server.ended()
        bundle = await server.bundle(end.call_id)
        folder = server.bundles[end.call_id]
        await server.idle()
    assert [(s.consent, s.how) for s in bundle.cdr.consent] == [
        ("given", "key"),
        ("withdrawn", "key"),
    ]
    assert all(stamp.question == "silence:0.2" for stamp in bundle.cdr.consent[:1])
    assert (folder / bundle.recordings[0]).stat().st_size > 44
    pressed = [e for e in bundle.events if isinstance(e, DigitReceived)]
    # of the many keys in a row the first four are told
    assert "".join(e.digit for e in pressed) == "1765"
    assert len(pressed) == 9
