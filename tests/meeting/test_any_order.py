"""Whatever order calls come, are told, answer and go in: nobody is lost, left over or overtaken."""

import asyncio
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from sipagent.call.meeting import (
    Attend,
    Meet,
    Notice,
    Over,
    Park,
    Refused,
    Retrieve,
    Ring,
    Serve,
    Wait,
    Wish,
)
from sipagent.config import Parking, Queue
from sipagent.meeting.desk import MeetingDesk
from sipagent.testing.meeting import LocalMixer
from sipagent.testing.virtual import run_virtual

MEMBERS = ("sip:a@x", "sip:b@x")
CALLS = 5
WISHES: list[Wish] = [
    *[Wait(queue="ringing")] * 6,
    Wait(queue="served"),
    Serve(queue="ringing"),
    Serve(queue="served"),
    Park(),
    Park(slot="702"),
    Retrieve(slot="701"),
    Retrieve(slot="702"),
    Attend(name="team"),
    Attend(name="team", start_on_enter=False),
    Attend(name="team", end_on_exit=True),
]
STEPS = st.one_of(
    st.tuples(st.just("ask"), st.integers(0, CALLS - 1), st.sampled_from(WISHES)),
    st.tuples(st.just("go"), st.integers(0, CALLS - 1), st.just(None)),
    st.tuples(st.just("answer"), st.integers(0, CALLS - 1), st.integers(0, 3)),
    st.tuples(st.just("fail"), st.integers(0, CALLS - 1), st.just(None)),
    st.tuples(st.just("pass"), st.integers(1, 8), st.just(None)),
)


class Scene:
    """A few calls with one place each at most, and what each was told last."""

    def __init__(self, strategy: str) -> None:
        loop = asyncio.get_running_loop()
        ringing = Queue(members=MEMBERS, strategy=strategy, wrap_up_seconds=1, ring_seconds=3)  # type: ignore[arg-type]
        self.desk = MeetingDesk(
            LocalMixer(), {"ringing": ringing}, Parking(first=701, last=702), now=loop.time
        )
        self.wishes: dict[int, Wish] = {}
        self.rings: dict[int, Ring] = {}
        self.rooms: dict[int, str] = {}
        #: callers of each queue in the order they came, who were neither met nor rung for
        self.lines: dict[str, list[int]] = {"ringing": [], "served": []}
        self.talking: dict[int, str] = {}

    def tell(self, call: int, notice: Notice) -> None:
        wish = self.wishes[call]
        if isinstance(notice, Over | Refused):
            self.forget(call)
            return
        if isinstance(notice, Ring):
            assert call not in self.talking
            self.rings[call] = notice
        elif isinstance(notice, Meet):
            self.rooms[call] = notice.room
            self.rings.pop(call, None)
        if isinstance(wish, Wait) and isinstance(notice, Ring | Meet):
            line = self.lines[wish.queue]
            if isinstance(notice, Ring):
                earlier = line[: line.index(call)]
                assert all(other in self.rings for other in earlier), "overtaken"
            elif call in line:
                assert line[0] == call, "overtaken"
                line.remove(call)

    def forget(self, call: int) -> None:
        self.wishes.pop(call, None)
        for known in (self.rings, self.rooms, self.talking):
            known.pop(call, None)
        for line in self.lines.values():
            if call in line:
                line.remove(call)

    def ask(self, call: int, wish: Wish) -> None:
        if call in self.wishes:
            return
        self.wishes[call] = wish
        if isinstance(wish, Wait):
            self.lines[wish.queue].append(call)
        self.desk.asked(f"call{call}", 1, wish, lambda notice: self.tell(call, notice))

    def go(self, call: int) -> None:
        self.forget(call)
        self.desk.gone(f"call{call}")

    def answer(self, call: int, number: int) -> None:
        ring = self.rings.pop(call, None)
        if ring is None:
            return
        target = ring.targets[number % len(ring.targets)]
        assert target not in self.talking.values(), "rung while with a caller"
        self.talking[call] = target
        self.lines["ringing"].remove(call)
        self.desk.reported(f"call{call}", 1, target)

    def fail(self, call: int) -> None:
        if self.rings.pop(call, None) is not None:
            self.desk.reported(f"call{call}", 1, None)

    def sound(self) -> None:
        """What must hold at any time."""
        rung = Counter(target for ring in self.rings.values() for target in ring.targets)
        busy = rung + Counter(self.talking.values())
        assert not busy or max(busy.values()) == 1, "a member is with two"
        for call, wish in self.wishes.items():
            if isinstance(wish, Retrieve):
                assert call in self.rooms
        pairs = Counter(
            room for call, room in self.rooms.items() if not isinstance(self.wishes[call], Attend)
        )
        assert set(pairs.values()) <= {2}
        assert self.desk.places == len(self.wishes)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(STEPS, min_size=5, max_size=50),
    st.sampled_from(["ring-all", "longest-idle", "round-robin"]),
)
def test_nobody_is_lost_left_over_or_overtaken(
    steps: list[tuple[str, int, object]], strategy: str
) -> None:
    async def scene() -> None:
        world = Scene(strategy)
        for name, number, more in steps:
            match name, more:
                case "ask", Wait() | Serve() | Park() | Retrieve() | Attend():
                    world.ask(number, more)
                case "go", _:
                    world.go(number)
                case "answer", int():
                    world.answer(number, more)
                case "fail", _:
                    world.fail(number)
                case "pass", _:
                    await asyncio.sleep(number)
            world.sound()
        for call in range(CALLS):
            world.go(call)
            world.sound()
        desk = world.desk
        assert (desk.places, desk.meeting, len(desk.parking), len(desk.conferences)) == (0, 0, 0, 0)
        assert desk.queues.size("ringing") == desk.queues.size("served") == 0
        # and everything works afterwards, once members have had their pause
        await asyncio.sleep(2)
        world.ask(0, Wait(queue="ringing"))
        await asyncio.sleep(10)
        rung = world.rings[0].targets
        assert rung == MEMBERS if strategy == "ring-all" else len(rung) == 1
        await desk.close()

    run_virtual(scene())
