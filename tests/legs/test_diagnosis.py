"""The media watchdog's judgement, on figures and addresses alone."""

import pytest

from sipagent.legs.diagnosis import Path, Received, Trouble, Watch, diagnose


def _told(figures: list[Received | None], *, every: float = 0.25) -> list[tuple[float, Trouble]]:
    watch = Watch()
    looks = [(at * every, watch.look(now, at * every)) for at, now in enumerate(figures)]
    return [(at, trouble) for at, trouble in looks if trouble is not None]


def _flow(seconds: float, *, start: int = 0, playable: bool = True) -> list[Received | None]:
    return [Received(start + 12 * n, playable, 0, True) for n in range(int(seconds * 4))]


def _silence(seconds: float, packets: int, reports_every: float = 1e9) -> list[Received | None]:
    return [
        Received(packets, packets > 0, int(n * 0.25 / reports_every), True)
        for n in range(int(seconds * 4))
    ]


def test_a_far_end_that_never_sends_is_told_of_once_within_two_seconds() -> None:
    assert _told(_silence(60, 0)) == [(1.25, Trouble.NOTHING)]


def test_a_far_end_that_is_heard_is_not_spoken_of() -> None:
    assert _told(_flow(60)) == []


def test_a_stream_that_stops_is_told_of_and_again_when_it_stops_again() -> None:
    assert _told([*_flow(10), *_silence(8, 468)]) == [(14.75, Trouble.STOPPED)]
    assert _told([*_flow(2), *_silence(8, 84)]) == [(8.0, Trouble.STOPPED)]
    twice = [*_flow(2), *_silence(8, 84), *_flow(2, start=100), *_silence(8, 200)]
    assert [trouble for _, trouble in _told(twice)] == [Trouble.STOPPED] * 2


def test_a_far_end_that_suppresses_silence_but_reports_is_alive() -> None:
    assert _told([*_flow(2), *_silence(60, 84, reports_every=5.0)]) == []
    assert len(_told([*_flow(2), *_silence(20, 84, reports_every=15.0)])) == 1


@pytest.mark.parametrize("pause", [None, Received(0, False, 0, False)])
def test_on_hold_nothing_is_expected_and_afterwards_again(pause: Received | None) -> None:
    held = [pause] * 400
    assert _told([*_flow(2), *held, *_flow(4)]) == []
    assert _told([*held, *_silence(4, 0)]) == [(101.25, Trouble.NOTHING)]


def test_packets_nothing_can_be_made_of_are_told_of() -> None:
    [(at, trouble)] = _told(_flow(30, playable=False))
    assert (at, trouble) == (1.25, Trouble.UNPLAYABLE)


def _path(
    described: str = "203.0.113.9", ours: str = "198.51.100.1", signalling: str = "203.0.113.9"
) -> Path:
    return Path((described, 4000), None, (ours, 20014), signalling, False, "PCMU")


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        (_path("192.168.1.20"), "private address in SDP: the far end says it is at 192.168.1.20"),
        (_path("100.64.3.4"), "private address in SDP"),
        (_path("fd00::5", signalling="2001:db8::1"), "private address in SDP: the far end says it"),
        (_path("192.168.1.20", signalling=""), "private address in SDP"),
        (_path("192.168.1.20", "192.168.1.1", "192.168.1.20"), "port not reached"),
        (_path(ours="127.0.0.1"), "our address in SDP: we said 127.0.0.1:20014"),
        (_path(ours="10.0.0.4"), "our address in SDP: we said 10.0.0.4:20014, which is private"),
        (_path("203.0.113.77"), "address differs: media was to come from 203.0.113.77:4000"),
        (_path(), "port not reached: a firewall between 203.0.113.9:4000 and us"),
    ],
)
def test_addresses_tell_why_nothing_came(path: Path, cause: str) -> None:
    said = diagnose(Trouble.NOTHING, path)
    assert said.startswith(cause)
    assert said.endswith("nothing reached our UDP port 20014")


def test_what_came_and_could_not_be_used_is_named_with_its_source() -> None:
    source = ("203.0.113.9", 4002)
    plain = Path(source, source, ("198.51.100.1", 20014), source[0], False, "G722")
    secret = Path(source, source, ("198.51.100.1", 20014), source[0], True, "G722")
    assert diagnose(Trouble.NOTHING, secret).startswith("SRTP failure: packets from 203.0.113.9:40")
    assert diagnose(Trouble.NOTHING, plain).startswith("not RTP")
    assert "not the G722 agreed upon" in diagnose(Trouble.UNPLAYABLE, plain)
    assert diagnose(Trouble.STOPPED, plain).startswith("stopped: 203.0.113.9:4002")
