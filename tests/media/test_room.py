"""Who hears whom in one conversation."""

from sipagent.media.bridge import Room
from sipagent.testing.bridge import SimulatedBridge


async def test_each_member_hears_all_the_others_once() -> None:
    bridge = SimulatedBridge()
    room = Room(bridge)
    a, b, c = (bridge.open_port(name) for name in "abc")
    for member in (a, b, c, b):
        room.join(member)
    assert {bridge.hears(a), bridge.hears(b), bridge.hears(c)} == {(b, c), (a, c), (a, b)}
    room.leave(b)
    room.leave(b)
    assert (bridge.hears(a), bridge.hears(b), bridge.hears(c)) == ((c,), (), (a,))


async def test_a_listener_hears_what_one_member_hears_whoever_comes_and_goes() -> None:
    bridge = SimulatedBridge()
    room = Room(bridge)
    caller, agent, callee, ear = (bridge.open_port(name) for name in "acbe")
    room.join(caller)
    room.join(agent)
    room.add_listener(ear, ears_of=caller)
    assert bridge.hears(ear) == (agent,)
    room.join(callee)
    assert bridge.hears(ear) == (agent, callee)
    room.leave(agent)
    assert bridge.hears(ear) == (callee,)
    assert ear not in (*bridge.hears(caller), *bridge.hears(callee))
    room.remove_listener(ear)
    room.remove_listener(ear)
    assert bridge.hears(ear) == ()
    room.join(agent)
    assert bridge.hears(ear) == ()


async def test_a_listener_may_come_before_the_member_whose_ears_it_has() -> None:
    bridge = SimulatedBridge()
    room = Room(bridge)
    caller, agent, ear = (bridge.open_port(name) for name in "cae")
    room.add_listener(ear, ears_of=caller)
    room.join(caller)
    room.join(agent)
    assert bridge.hears(ear) == (agent,)
