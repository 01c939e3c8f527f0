"""Registered at a trunk, whatever it does: digest, refresh, failure, failover, farewell."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sipagent.config import Settings, Sip, Trunk
from sipagent.edge.message import Message, header
from sipagent.edge.trunks.registration import LONGEST_WAIT, backoff
from sipagent.edge.trunks.status import Cause, Reach, Standing, TrunkStatus
from sipagent.testing.nameserver import NameServer
from sipagent.testing.ports import free_port
from sipagent.testing.registrar import Registrar

Lines = Callable[..., Awaitable[Any]]


class Registering:
    """An edge with one trunk that registers, and a look at how that goes."""

    def __init__(self, line: Any) -> None:
        self.line = line

    @property
    def status(self) -> TrunkStatus:
        status: TrunkStatus = self.line.edge.trunks.statuses[0]
        return status

    async def until(self, wanted: Callable[[TrunkStatus], bool]) -> TrunkStatus:
        async with asyncio.timeout(10):
            while not wanted(self.status):
                await asyncio.sleep(0.01)
        return self.status

    async def registered(self) -> TrunkStatus:
        return await self.until(lambda s: s.registration is Standing.REGISTERED)

    async def failed(self, times: int = 1) -> TrunkStatus:
        return await self.until(lambda s: s.failures >= times)


Start = Callable[..., Awaitable[Registering]]


@pytest.fixture
async def start(lines: Lines) -> AsyncIterator[Start]:
    """`await start(pbx)`; further arguments are the trunk's, `sip` is the front door's."""
    async with AsyncExitStack() as stack:

        async def made(pbx: Registrar, *, sip: Any = None, **trunk: Any) -> Registering:
            registration = {"retry_seconds": 0.1} | trunk.pop("registration", {})
            keys = {
                "host": pbx.address[0], "port": pbx.address[1], "username": "7000",
                "password": "secret", "registration": registration, "answer_seconds": 0.4,
            } | trunk  # fmt: skip
            listen = [{"transport": "udp", "port": 0}, {"transport": "tcp", "port": 0}]
            front = Sip.model_validate({"listen": listen, "guests": [], **(sip or {})})
            settings = Settings(sip=front, trunks={"pbx": Trunk.model_validate(keys)})
            line = await lines(settings)
            line.edge.trunks.start()
            stack.push_async_callback(line.edge.trunks.close)
            return Registering(line)

        yield made


@pytest.fixture
async def pbx() -> AsyncIterator[Registrar]:
    async with Registrar() as registrar:
        yield registrar


@pytest.mark.parametrize("algorithms", [("MD5",), ("SHA-256",), ("SHA-256", "MD5")])
@pytest.mark.rfc("3261", "REGISTER of our own with digest")
async def test_it_registers_with_its_password(
    pbx: Registrar, start: Start, algorithms: tuple[str, ...]
) -> None:
    pbx.algorithms = algorithms
    mine = await start(pbx, registration={"expires": 600})
    status = await mine.registered()
    assert (status.reach, status.registrar, status.why) == (Reach.UP, pbx.place, "")
    asked, proved = pbx.registers
    assert asked.get(b"authorization") is None
    assert f"algorithm={algorithms[0]}".encode() in proved.text(b"authorization")
    assert proved.uri == f"sip:{pbx.place}".encode()
    assert proved.text(b"to") == b"<sip:7000@127.0.0.1>"
    assert proved.call_id == asked.call_id
    assert proved.cseq.number == asked.cseq.number + 1
    host, port = mine.line.public
    assert proved.text(b"contact").startswith(f"<sip:7000@{host}:{port};line=".encode())
    assert b"w." not in proved.text(b"contact")


@pytest.mark.rfc("3261", "REGISTER is refreshed before it ends")
async def test_a_refresh_comes_before_the_end_with_the_same_nonce(start: Start) -> None:
    async with Registrar(grants=2) as pbx:
        mine = await start(pbx)
        status = await mine.registered()

        def proved() -> list[Message]:
            """Those with credentials, each once: a busy machine retransmits."""
            known = {r.cseq.number: r for r in pbx.registers if r.get(b"authorization")}
            return list(known.values())

        await pbx.until(lambda: len(proved()) >= 3)
        first, second = proved()[:2]
        assert status.expires is not None
        assert b"nc=00000001" in first.text(b"authorization")
        assert b"nc=00000002" in second.text(b"authorization")
        assert first.text(b"contact") == second.text(b"contact")
        assert mine.status.registration is Standing.REGISTERED


@pytest.mark.rfc("7616", "stale=true is answered with the same password")
async def test_a_stale_nonce_is_no_wrong_password(start: Start) -> None:
    async with Registrar(grants=2) as pbx:
        mine = await start(pbx)
        await mine.registered()
        pbx.change_password("secret")  # a restart: same password, other nonces
        await pbx.until(lambda: len(pbx.registers) >= 4)
        status = await mine.until(lambda s: s.registration is Standing.REGISTERED)
        assert status.failures == 0


@pytest.mark.rfc("3261", "423 from a registrar is met with its Min-Expires")
async def test_too_short_a_time_is_asked_for_again_as_long_as_it_must_be(start: Start) -> None:
    async with Registrar(at_least=1200) as pbx:
        mine = await start(pbx, registration={"expires": 60})
        await mine.registered()
        assert [r.text(b"expires") for r in pbx.registers] == [b"60", b"60", b"1200"]


@pytest.mark.parametrize(
    ("change", "cause", "words"),
    [
        ({"password": "wrong"}, Cause.WRONG_PASSWORD, "401"),
        ({"password": None}, Cause.NO_PASSWORD, "none"),
        ({"username": "7001"}, Cause.WRONG_PASSWORD, "pbx.test"),
        ({"host": "nowhere.invalid", "port": None}, Cause.NO_NAME, "nowhere.invalid"),
        ({"transport": "tcp", "port": 1}, Cause.UNREACHABLE, "127.0.0.1:1"),
        ({"port": 9}, Cause.NO_ANSWER, "127.0.0.1:9"),
    ],
)
async def test_a_failure_says_why(
    pbx: Registrar, start: Start, change: dict[str, Any], cause: Cause, words: str
) -> None:
    mine = await start(pbx, **change)
    status = await mine.failed()
    assert (status.registration, status.reach) == (Standing.FAILED, Reach.DOWN)
    assert status.cause is cause
    assert words in status.why
    assert status.retry is not None


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (403, Cause.FORBIDDEN),
        (404, Cause.UNKNOWN_ACCOUNT),
        (500, Cause.REFUSED),
        (423, Cause.REFUSED),
    ],
)
async def test_a_refusal_is_named_and_tried_again_until_it_passes(
    pbx: Registrar, start: Start, status: int, cause: Cause
) -> None:
    pbx.status = status
    mine = await start(pbx)
    seen = await mine.failed(times=2)
    assert (seen.cause, str(status) in seen.why) == (cause, True)
    pbx.status = 200
    assert (await mine.registered()).failures == 0


@pytest.mark.rfc("3261", "Retry-After of a registrar is kept")
async def test_a_wait_the_registrar_asks_for_is_kept(pbx: Registrar, start: Start) -> None:
    pbx.status, pbx.extra = 503, (header(b"Retry-After", b"600 (tea time)"),)
    mine = await start(pbx)
    status = await mine.failed()
    assert status.retry is not None
    assert status.failures == 1
    assert status.retry - datetime.now(UTC) > timedelta(seconds=300)
    assert len(pbx.registers) == 2


@pytest.mark.parametrize(
    ("status", "extra", "registered"),
    [
        (200, ("Contact", "*"), True),
        (200, ("Contact", '"broken'), True),
        (200, ("Expires", "9" * 40), True),
        (200, ("Expires", "soon"), True),
        (200, ("Expires", "0"), False),
        (302, ("Contact", "<sip:elsewhere.example>"), False),
        (401, ("WWW-Authenticate", "Basic realm=x"), False),
        (401, ("WWW-Authenticate", 'Digest realm="x'), False),
        (401, ("X-Nothing", "x"), False),
        (423, ("Min-Expires", "-1"), False),
        (423, ("Min-Expires", "9" * 40), False),
        (503, ("Retry-After", "later"), False),
        (503, ("Retry-After", "99999"), False),
    ],
)
async def test_an_odd_answer_ends_nothing(
    pbx: Registrar, start: Start, status: int, extra: tuple[str, str], registered: bool
) -> None:
    pbx.script = (status, (header(extra[0].encode(), extra[1].encode()),))
    mine = await start(pbx)
    seen = await mine.until(lambda s: s.registration is not Standing.TRYING)
    assert (seen.registration is Standing.REGISTERED) is registered
    pbx.script = None
    before = len(pbx.registers)
    mine.line.edge.trunks.register_now()
    await pbx.until(lambda: len(pbx.registers) > before)
    await mine.registered()


async def test_a_changed_password_is_noticed_at_the_next_refresh(start: Start) -> None:
    async with Registrar(grants=2) as pbx:
        mine = await start(pbx)
        await mine.registered()
        pbx.change_password("another")
        assert (await mine.failed()).cause is Cause.WRONG_PASSWORD
        pbx.change_password("secret")
        await mine.registered()


@pytest.mark.rfc("3263", "a dead registrar gives way to the next, and is taken back")
async def test_a_dead_primary_is_passed_over_and_taken_back_when_it_lives(start: Start) -> None:
    dead = free_port()
    async with Registrar(grants=2) as second:
        mine = await start(second, registration={"registrars": [f"127.0.0.1:{dead}", second.place]})
        assert (await mine.registered()).registrar == second.place
        async with Registrar(grants=2, port=dead) as primary:
            await mine.until(lambda s: s.registrar == primary.place)
            assert mine.status.registration is Standing.REGISTERED


@pytest.mark.rfc("3263", "every address of a registrar's name is tried")
async def test_every_address_of_a_name_is_tried(pbx: Registrar, start: Start) -> None:
    dead = free_port()
    zone = {
        ("_sip._udp.pbx.test", "SRV"): [
            f"1 0 {dead} a.pbx.test.",
            f"2 0 {pbx.address[1]} a.pbx.test.",
        ],
        ("a.pbx.test", "A"): ["127.0.0.1"],
    }
    async with NameServer(zone) as names:
        sip = {"nameservers": [names.place]}
        mine = await start(pbx, sip=sip, host="pbx.test", port=None)
        assert (await mine.registered()).registrar == pbx.place
        assert pbx.registers[0].uri == b"sip:pbx.test"


@pytest.mark.rfc("3261", "an outbound proxy takes it all")
async def test_an_outbound_proxy_takes_it_all(pbx: Registrar, start: Start) -> None:
    mine = await start(pbx, host="carrier.example", port=None, outbound_proxy=pbx.place)
    await mine.registered()
    assert pbx.registers[0].uri == b"sip:carrier.example"
    assert pbx.registers[0].text(b"route") == f"<sip:{pbx.place};lr>".encode()


@pytest.mark.rfc("3261", "a changed address is registered and the old one taken back")
async def test_it_registers_again_when_asked_and_its_old_address_is_forgotten(
    pbx: Registrar, start: Start
) -> None:
    mine = await start(pbx)
    await mine.registered()
    identity = mine.line.edge._proxy.identity
    identity.public = ("192.0.2.7", identity.public[1])
    mine.line.edge.trunks.register_now()
    await pbx.until(lambda: len(pbx.registers) == 3)
    new, old = pbx.registers[2].values(b"contact")
    assert b"@192.0.2.7:" in new
    assert b"@127.0.0.1:" in old
    assert old.endswith(b";expires=0")


@pytest.mark.rfc("3261", "a registration is taken back at the end (10.2.2)")
async def test_a_farewell_takes_the_registration_back(pbx: Registrar, start: Start) -> None:
    mine = await start(pbx)
    await mine.registered()
    await mine.line.edge.trunks.leave()
    assert pbx.registers[-1].text(b"expires") == b"0"
    assert mine.status.registration is Standing.ENDED
    await mine.line.edge.trunks.leave()
    assert len(pbx.registers) == 3


async def test_a_farewell_to_a_dead_registrar_is_short(pbx: Registrar, start: Start) -> None:
    mine = await start(pbx)
    await mine.registered()
    pbx.silent = True
    async with asyncio.timeout(10):
        await mine.line.edge.trunks.leave()


@pytest.mark.rfc("5626", "waits before registering again double and are spread (4.5)")
def test_waits_double_and_are_spread_and_end() -> None:
    class Chance:
        def __init__(self, part: float) -> None:
            self.part = part

        def uniform(self, low: float, high: float) -> float:
            return low + (high - low) * self.part

    longest: Any = Chance(1.0)
    shortest: Any = Chance(0.0)
    assert [backoff(n, 30, longest) for n in (1, 2, 3)] == [30, 60, 120]
    assert [backoff(n, 30, shortest) for n in (1, 2, 3)] == [15, 30, 60]
    assert backoff(10_000, 30, longest) == LONGEST_WAIT
