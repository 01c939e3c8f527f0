"""A card number on its way through a whole server: a tool gets it, and it is nowhere else."""

import wave
from pathlib import Path

import numpy as np
import pytest

from sipagent.config import Log
from sipagent.events import DigitReceived, SecureEntry
from sipagent.media.keytones import KeyTones
from sipagent.testing.model_server import Reply, ToolUse
from sipagent.testing.modelled import Script, last, modelled
from sipagent.testing.signals import key_tones

pytestmark = pytest.mark.slow
CARD = "5105105105105100"
CHARGE = '''
"""Payments."""

from pathlib import Path

from pydantic import SecretStr

from sipagent.tools import tool


@tool
async def charge(euros: int, card_number: SecretStr) -> str:
    """Charge the caller's card."""
    Path("FILE").write_text(card_number.get_secret_value())
    return f"{euros} euros were charged to {card_number.get_secret_value()}"
'''


def left(recording: Path) -> np.ndarray:
    with wave.open(str(recording)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")[0::2]


async def test_a_card_number_typed_in_tones_reaches_the_tool_and_nothing_else(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder, charged = tmp_path / "tools", tmp_path / "charged"
    folder.mkdir()
    (folder / "charge.py").write_text(CHARGE.replace("FILE", str(charged)))
    script: Script = [
        Reply(tools=[ToolUse("collect_secure", '{"kind": "card_number"}')]),
        Reply(tools=[ToolUse("charge", '{"euros": 5}')]),
        "Thank you.",
    ]
    async with modelled(
        tmp_path / "server",
        script,
        offered="collect_secure, charge",
        events=None,
        log=Log(personal=True),
        tools=(folder,),
    ) as talk:
        await talk.call.play(key_tones("1"))
        await talk.request(1)
        await talk.server.until(lambda e: isinstance(e, SecureEntry))
        await talk.call.play(key_tones(CARD + "#", milliseconds=70, gap=60))
        assert last(await talk.request(2)) == "collected 16 digits"
        assert last(await talk.request(3)) == "5 euros were charged to [card_number]"
        await talk.told("Thank you.")
        await talk.call.hangup()
        end = await talk.server.ended()
        bundle = await talk.server.bundle(end.call_id)
        recording = talk.server.bundles[end.call_id] / bundle.recordings[0]
        await talk.server.idle()
    assert charged.read_text() == CARD
    hidden = [e for e in talk.all(DigitReceived) if e.hidden]
    assert "".join(e.digit for e in hidden) == "" and len(hidden) == len(CARD) + 1
    for file in (tmp_path / "server").rglob("*"):
        if file.is_file():
            assert CARD[:8].encode() not in file.read_bytes(), file
    assert not any(CARD[:8] in str(request.body) for request in talk.model.requests)
    out, err = capfd.readouterr()
    assert CARD[:8] not in out + err
    began, ended = talk.all(SecureEntry)
    start = next(e for e in bundle.events if e.type == "recording_started").t
    sound = left(recording)
    assert not sound[(began.t + 40 - start) * 8 : (ended.t - start) * 8].any()
    # the key that was no secret is there, and no other
    assert KeyTones(8000).feed(sound.tobytes()) == "1"
