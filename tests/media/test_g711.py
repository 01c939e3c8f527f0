"""What a vendor sends as mu-law or A-law is what goes out on the line."""

import pytest

from sipagent.media.g711 import G711, decode, encode


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_every_byte_comes_back_as_it_was(codec: G711) -> None:
    every = bytes(range(256))
    assert encode(codec, decode(codec, every)) == every
