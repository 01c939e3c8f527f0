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


async def test_one_who_is_shielded_is_heard_by_nobody_and_silence_stands_for_them() -> None:
    bridge = SimulatedBridge()
    room = Room(bridge)
    caller, agent, tape, ears = (bridge.open_port(name) for name in "cate")
    room.overhear(tape, mouth_of=caller)
    room.add_listener(ears, ears_of=caller)
    room.join(caller)
    room.join(agent)
    assert (bridge.hears(tape), bridge.hears(agent)) == ((caller,), (caller,))
    room.shield(caller)
    room.shield(caller)
    assert room.shielded(caller)
    (hush,) = bridge.hears(tape)
    assert hush is not caller and bridge.hears(agent) == (hush,)
    assert (bridge.hears(caller), bridge.hears(ears)) == ((agent,), (agent,))
    late = bridge.open_port("late")
    room.join(late)
    assert set(bridge.hears(late)) == {hush, agent}
    room.unshield(caller)
    room.unshield(caller)
    assert (bridge.hears(tape), set(bridge.hears(agent))) == ((caller,), {caller, late})
    assert caller in bridge.hears(late)


async def test_to_be_shielded_and_to_be_muted_end_each_by_itself() -> None:
    bridge = SimulatedBridge()
    room = Room(bridge)
    caller, agent, tape = (bridge.open_port(name) for name in "cat")
    room.join(caller)
    room.join(agent)
    room.overhear(tape, mouth_of=caller)
    room.mute(caller)
    room.shield(caller)
    room.unshield(caller)
    assert (bridge.hears(agent), bridge.hears(tape)) == ((), (caller,))
    room.remove_listener(tape)
    assert bridge.hears(tape) == ()
