"""STUN: the RFC's own packets, a real server, and every way to get no answer."""

from pathlib import Path

import pytest

from sipagent.edge.headers import Bad
from sipagent.edge.stun import StunFailed, StunServer, public_address, read_answer, read_server
from sipagent.testing.ports import free_port
from sipagent.testing.stun import StunStub, coturn

TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
#: RFC 5769 sections 2.2 and 2.3
IPV4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220"
    "002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004c07d4c96"
)
IPV6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220"
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf1"
    "1784c97c8292c275bfe3ed4180280004c8fb0b4c"
)


@pytest.mark.rfc("8489", "the test vectors of RFC 5769 are read")
def test_the_answers_of_rfc_5769_are_read() -> None:
    assert read_answer(IPV4, TRANSACTION) == ("192.0.2.1", 32853)
    assert read_answer(IPV6, TRANSACTION) == ("2001:db8:1234:5678:11:2233:4455:6677", 32853)


def test_what_is_no_answer_of_ours_is_passed_over_and_a_broken_one_is_not_believed() -> None:
    assert read_answer(IPV4, bytes(12)) is None
    assert read_answer(IPV4[:19], TRANSACTION) is None
    assert read_answer(b"SIP/2.0 200 OK\r\n\r\n" + bytes(20), TRANSACTION) is None
    for end in range(20, 48):
        with pytest.raises(Bad):
            read_answer(IPV4[:2] + (end - 20).to_bytes(2, "big") + IPV4[4:end], TRANSACTION)


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("stun:stun.example", StunServer("stun.example")),
        ("stun:stun.example:3479", StunServer("stun.example", 3479)),
        ("stun:[2001:db8::1]:3479", StunServer("2001:db8::1", 3479)),
        ("stun:[2001:db8::1]", StunServer("2001:db8::1")),
        ("auto", None),
        ("203.0.113.10:5060", None),
    ],
)
def test_a_server_is_named_like_any_host(text: str, server: StunServer | None) -> None:
    assert read_server(text) == server


@pytest.mark.peer
@pytest.mark.rfc("8489", "binding request answered by coturn")
async def test_a_real_server_tells_where_we_are(tmp_path: Path) -> None:
    async with coturn(tmp_path) as port:
        server = StunServer("127.0.0.1", port)
        assert await public_address(server, "127.0.0.1", patience=10) == "127.0.0.1"
        # another of our hosts is another address
        assert await public_address(server, "127.0.0.5", patience=10) == "127.0.0.5"


@pytest.mark.rfc("8489", "binding requests are repeated until one is answered")
async def test_lost_requests_are_sent_again() -> None:
    async with StunStub("203.0.113.9", losses=2) as stun:
        server = StunServer(*stun.address)
        assert await public_address(server, "127.0.0.1", patience=10) == "203.0.113.9"
        assert len(stun.requests) == 3
        assert len(set(stun.requests)) == 1  # one transaction


async def test_no_answer_says_why() -> None:
    async with StunStub(None) as silent, StunStub(420) as refusing:
        with pytest.raises(StunFailed, match=r"did not answer in 0\.2 s"):
            await public_address(StunServer(*silent.address), "127.0.0.1", patience=0.2)
        with pytest.raises(StunFailed, match="it refused: 420"):
            await public_address(StunServer(*refusing.address), "127.0.0.1")
    with pytest.raises(StunFailed, match="Connection refused"):
        await public_address(StunServer("127.0.0.1", free_port()), "127.0.0.1")
    with pytest.raises(StunFailed, match=r"STUN server nowhere\.invalid:3478: "):
        await public_address(StunServer("nowhere.invalid"), "127.0.0.1", patience=5)
