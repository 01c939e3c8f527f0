"""Our half of digest: the RFCs' own examples, and a far end that asks for too much."""

import re

import pytest

from sipagent.edge.auth import Authenticator, Credentials, Proof, digest_response
from sipagent.edge.challenge import Prover, read_challenge
from sipagent.edge.headers import Bad
from sipagent.edge.message import Header, Message, header
from sipagent.edge.requests import request


def refusal(*challenges: str, status: int = 401) -> Message:
    name = b"WWW-Authenticate" if status == 401 else b"Proxy-Authenticate"
    made = Message(b"", [header(name, value.encode()) for value in challenges])
    made.status = status
    return made


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("md5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("sha-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
@pytest.mark.rfc("7616", "the RFC's own example is answered, MD5 and SHA-256")
def test_the_example_of_rfc_7616(algorithm: str, response: str) -> None:
    given = Credentials(
        username="Mufasa",
        realm="http-auth@example.org",
        nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        uri="/dir/index.html",
        response="",
        algorithm=algorithm,
        qop="auth",
        nc="00000001",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    assert digest_response(given, "Circle of Life", "GET") == response


@pytest.mark.parametrize("number", [0, 1], ids=["SHA-256", "MD5"])
@pytest.mark.parametrize("password", ["secret", 'a"b\\c', "pässwörd"])
@pytest.mark.rfc("7616", "a nonce is used again with a higher count")
def test_our_own_guard_is_satisfied_again_and_again(number: int, password: str) -> None:
    guard = Authenticator("pbx", {'user "1"': password}, lambda: 1.0)
    register = request(b"REGISTER", b"sip:pbx.example", [])
    asked = refusal()
    asked.headers = [guard.challenge(register, stale=False)[number]]
    prover = Prover('user "1"', password)
    assert prover.prove("REGISTER", "sip:pbx.example") is None
    prover.take(read_challenge(asked))
    for _ in range(3):
        proof = prover.prove("REGISTER", "sip:pbx.example")
        assert proof is not None
        proven = request(b"REGISTER", b"sip:pbx.example", [proof])
        assert guard.prove(proven)[0] is Proof.GOOD


@pytest.mark.rfc("2617", "a challenge without qop is answered")
def test_without_qop_it_is_the_older_kind() -> None:
    prover = Prover("alice", "secret")
    prover.take(read_challenge(refusal('Digest realm="r", nonce="n", opaque="o\\"x"', status=407)))
    proof = prover.prove("REGISTER", "sip:r")
    assert isinstance(proof, Header)
    assert proof.key == b"proxy-authorization"
    assert not re.search(rb"qop|nc=|cnonce", proof.value)
    assert b'opaque="o\\"x"' in proof.value


@pytest.mark.rfc("8760", "the first algorithm we know is answered")
def test_the_first_challenge_we_can_meet_is_met() -> None:
    challenge = read_challenge(
        refusal(
            'Bearer authz_server="https://auth.example"',
            'Digest realm="a", nonce="1", algorithm=AKAv1-MD5, qop="auth"',
            'Digest realm="b", nonce="2", algorithm=SHA-256, qop="auth-int"',
            'Digest realm="c", nonce="3", algorithm=SHA-256, qop="auth-int,auth", stale=TRUE',
            'Digest realm="d", nonce="4"',
        )
    )
    assert (challenge.realm, challenge.qop, challenge.stale) == ("c", "auth", True)


@pytest.mark.parametrize(
    ("challenges", "words"),
    [
        ((), "without saying which"),
        (("Bearer x=y",), "Bearer"),
        (('Digest realm="b", nonce="2", algorithm=SHA-256, qop="auth-int"',), "auth-int"),
    ],
)
def test_a_challenge_we_cannot_meet_is_named(challenges: tuple[str, ...], words: str) -> None:
    with pytest.raises(Bad, match=words):
        read_challenge(refusal(*challenges))
