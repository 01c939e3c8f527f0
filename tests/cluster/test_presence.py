"""Who lives: by signs of life, silence, and what is not known while the bus is away."""

from sipagent.api.nodes_view import NodeState
from sipagent.cluster.nodes import SILENT, Beat, Presence


def beat(node: str, boot: str = "1", **more: object) -> Beat:
    return Beat.model_validate({"node": node, "boot": boot, "clock": 0, **more})


def listening() -> Presence:
    """Node a, whose bus is there."""
    presence = Presence("a", "1")
    presence.hears(True, 0.0)
    return presence


def states(presence: Presence, now: float) -> dict[str, NodeState]:
    return {view.node: view.state for view in presence.views(beat("a"), now, "no route")}


def test_a_node_lives_for_as_long_as_it_is_heard() -> None:
    presence = listening()
    assert presence.heard(beat("b"), 1.0)
    assert not presence.heard(beat("b"), 2.0), "it was there already"
    assert presence.missed(2.0 + SILENT) == []
    assert presence.missed(2.1 + SILENT) == ["b"]
    assert presence.missed(2.2 + SILENT) == [], "it is told once"
    assert states(presence, 6.0) == {"a": NodeState.UP, "b": NodeState.GONE}
    assert (presence.live, presence.missing) == ([], ["b"])
    assert presence.heard(beat("b"), 7.0), "it is back"


def test_a_node_that_says_good_bye_has_left_at_once() -> None:
    presence = listening()
    presence.heard(beat("b"), 1.0)
    assert not presence.heard(beat("b", leaving=True), 1.5)
    assert states(presence, 1.5)["b"] is NodeState.LEFT
    assert (presence.live, presence.left) == ([], ["b"])
    assert presence.heard(beat("b", boot="2"), 3.0)


def test_a_node_that_was_started_anew_is_told_as_one_that_joins() -> None:
    presence = listening()
    presence.heard(beat("b"), 1.0)
    assert presence.heard(beat("b", boot="2"), 1.5)


def test_while_the_bus_is_away_nobody_is_known_to_be_gone() -> None:
    presence = listening()
    presence.heard(beat("b"), 1.0)
    presence.hears(False, 2.0)
    assert presence.missed(60.0) == []
    views = {view.node: view for view in presence.views(beat("a"), 60.0, "no route")}
    assert (views["b"].state, views["b"].why) == (NodeState.UNKNOWN, "the bus is away: no route")
    presence.hears(True, 100.0)
    assert presence.missed(100.0 + SILENT) == [], "it has a moment to be heard"
    assert presence.missed(100.1 + SILENT) == ["b"]


def test_two_servers_of_one_name_are_noticed() -> None:
    presence = listening()
    presence.heard(beat("a"), 1.0)
    assert not presence.twin, "what we said ourselves"
    presence.heard(beat("a", boot="2"), 1.0)
    assert presence.twin


def test_how_nodes_do_is_told_in_words() -> None:
    presence = listening()
    presence.heard(beat("b", draining=True, why_not_ready="it drains", clock=1_500_000), 1.0)
    presence.heard(beat("c", why_not_ready="starting", registers=("carrier",), calls=3), 1.0)
    _, b, c = presence.views(beat("a"), 1.0, "")
    assert (b.state, b.why, b.clock_seconds) == (NodeState.DRAINING, "it drains", 1.5)
    assert (c.state, c.why, c.registers, c.calls) == (
        NodeState.NOT_READY, "starting", ("carrier",), 3,
    )  # fmt: skip


def test_a_flood_of_names_does_not_fill_the_memory() -> None:
    presence = listening()
    for n in range(1000):
        presence.heard(beat(f"n{n}"), 1.0)
    assert len(presence.live) == 500
