"""Coverage-guided fuzzing of the edge's parser; needs `pip install -e .[fuzz]` (atheris).

`python -m sipagent.testing.fuzz.guided --seconds 600`: what libFuzzer says goes to stderr, inputs
that found new paths to `--corpus`, and an input that broke a promise to ./crash-*.
"""

import argparse
import sys
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["sipagent.edge"]):
    from sipagent.edge.auth import digest_fields
    from sipagent.edge.headers import Bad, parameters, parse_name_addr, parse_uri, split
    from sipagent.edge.message import BadMessage, Message, parse
    from sipagent.edge.offer import check_offer
    from sipagent.edge.responses import response, unsupported
    from sipagent.edge.stream import Connection, StreamConnection
    from sipagent.edge.strict import check_readable

_WORDS = """
INVITE REGISTER OPTIONS SIP/2.0 sip: sips: tel: Via: v: From: f: To: t: Call-ID: i: CSeq: Contact:
m: Record-Route: Route: Content-Length: l: Content-Type: c: Max-Forwards: Require: Session-Expires:
Expires: Allow: Supported: Authorization: Digest ;tag= ;branch=z9hG4bK ;rport ;received= ;lr
;transport=tcp application/sdp m=audio RTP/AVP UDP/TLS/RTP/SAVPF
"""


class _Owner:
    """Keeps what a stream was cut into."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    def opened(self, connection: Connection) -> None:
        """See `Owner`."""

    def closed(self, connection: Connection) -> None:
        """See `Owner`."""

    def received(self, connection: Connection, data: bytes) -> None:
        """See `Owner`."""
        self.messages.append(data)


class _Stream(StreamConnection):
    """A connection without a wire: framing alone."""

    def __init__(self, owner: _Owner) -> None:
        super().__init__(1, "TCP", owner, limit=65_535)
        self._wire = _Wire()  # type: ignore[assignment]

    def feed(self, data: bytes) -> None:
        """Take bytes, until framing is lost."""
        if not self._lost:
            self._take(data)

    _lost = False

    def _all_there_is(self) -> bytes:
        data = bytes(self._buffer)
        self._buffer.clear()
        self._lost = True
        return data


class _Wire:
    """Where pongs go."""

    def write(self, data: bytes) -> None:
        """Nowhere."""

    def is_closing(self) -> bool:
        """Never."""
        return False

    def get_write_buffer_size(self) -> int:
        """Nothing waits."""
        return 0


def _one(data: bytes) -> None:
    """What holds for every input. Raises whatever breaks a promise."""
    for read in (parse_uri, parse_name_addr, split, parameters, digest_fields):
        with suppress(Bad):
            read(data[:512])
    _framing(data)
    try:
        message = parse(data)
    except BadMessage as bad:
        _answer(bad.message)
        return
    except Bad:
        return
    again = parse(bytes(message))
    assert [h[:2] for h in again.headers] == [h[:2] for h in message.headers]
    assert again.body == message.body
    seen = message.via.seen_from("192.0.2.1", 5)
    assert b"received=192.0.2.1" in seen or message.via.host == "192.0.2.1"
    message.replace_top_via(seen)
    for use in (check_readable, check_offer, unsupported):
        with suppress(Bad):
            use(message)
    if message.is_request:
        made = bytes(_answer(message))
        assert parse(made).status == 400
        assert made.count(b"\r\n\r\n") == 1


def _answer(request: Message) -> Message:
    made = response(request, 400, tag=b"t")
    bytes(made)
    return made


def _framing(data: bytes) -> None:
    """A stream is cut into the same messages however its bytes come."""
    whole, pieces = _Owner(), _Owner()
    _Stream(whole).feed(data)
    stream = _Stream(pieces)
    for at in range(0, len(data), 97):
        stream.feed(data[at : at + 97])
    lost = min(len(whole.messages), len(pieces.messages))
    # the last may be the rest after framing was lost: as much of it as had come
    assert whole.messages[: max(0, lost - 1)] == pieces.messages[: max(0, lost - 1)]


def main() -> None:
    """Hand over to libFuzzer, which ends the process."""
    parser = argparse.ArgumentParser(prog="guided", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--corpus", type=Path, default=Path("build/corpus"))
    parser.add_argument("--packets", type=Path, default=Path("tests/packets"))
    given = parser.parse_args()
    given.corpus.mkdir(parents=True, exist_ok=True)
    for path in given.packets.rglob("*"):
        if path.suffix in (".bin", ".dat"):
            (given.corpus / f"{path.parent.name}-{path.stem}").write_bytes(path.read_bytes())
    words = given.corpus.parent / "sip.dict"
    words.write_text("".join(f'"{word}"\n' for word in _WORDS.split()))
    limits = [f"-max_total_time={given.seconds}", "-max_len=6000", "-timeout=5"]
    rest = [f"-dict={words}", "-rss_limit_mb=1024", "-print_final_stats=1", str(given.corpus)]
    atheris.Setup([sys.argv[0], *limits, *rest], _one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
