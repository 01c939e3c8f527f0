"""A worker's call to an extension goes to the edge; any other goes its own way."""

import pytest

from sipagent.call.dial import Dial
from sipagent.errors import LegFailed
from sipagent.media.clock import MediaClock
from sipagent.testing.legs import FakeDialer
from sipagent.worker.extensions import PhoneDialer


@pytest.mark.parametrize(
    ("target", "dialled"),
    [
        ("201", "sip:201@127.0.0.1:5060"),
        ("tel:201", "sip:201@127.0.0.1:5060"),
        ("sip:ann@phones", "sip:ann@127.0.0.1:5060"),
        ("tel:+442079460018", "tel:+442079460018"),
        ("sip:201@pbx.example", "sip:201@pbx.example"),
    ],
)
async def test_an_extension_is_found_at_the_edge(target: str, dialled: str) -> None:
    inner = FakeDialer(MediaClock())
    dialer = PhoneDialer(inner, {"201": "info", "ann": None}, "127.0.0.1:5060")
    await dialer.dial(Dial(target, "202"))
    (sent,) = inner.dialled
    assert (sent.target, sent.caller_id) == (dialled, "202")


async def test_an_extension_nobody_has_is_404() -> None:
    dialer = PhoneDialer(FakeDialer(MediaClock()), {"201": None}, "127.0.0.1:5060")
    with pytest.raises(LegFailed, match="404 there is no phone 209"):
        await dialer.dial(Dial("sip:209@phones"))
