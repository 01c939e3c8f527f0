"""The table of legal moves between steps and contexts."""

from hypothesis import given
from hypothesis import strategies as st

from sipagent.agent.steps.machine import IllegalMove, Place, StepMachine, moves
from sipagent.agent.steps.spec import Context, Step

NAMES = st.sampled_from(["a", "b", "c", "d", "next", "nowhere"])


def step(name: str, to: list[str], contexts: list[str], end: bool) -> Step:
    return Step(
        name=name,
        text="x",
        valid_steps=() if end else tuple(to),
        valid_contexts=tuple(contexts),
        end=end,
    )


STEPS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=4, unique=True).flatmap(
    lambda names: st.tuples(
        *(
            st.builds(
                step,
                st.just(name),
                st.lists(NAMES, max_size=3),
                st.lists(st.sampled_from(["default", "other", "nowhere"]), max_size=2),
                st.booleans(),
            )
            for name in names
        )
    )
)
CONTEXT = st.builds(
    lambda steps, valid: Context(steps=steps, valid_steps=tuple(valid)),
    STEPS,
    st.lists(NAMES, max_size=2),
)
CONTEXTS = st.fixed_dictionaries({"default": CONTEXT}, optional={"other": CONTEXT})


@given(CONTEXTS)
def test_every_place_of_the_table_leads_to_places_of_the_table(
    contexts: dict[str, Context],
) -> None:
    table = moves(contexts)
    assert set(table) == {Place(c, s.name) for c in contexts for s in contexts[c].steps}
    assert all(place in table for following in table.values() for place in following)


@given(CONTEXTS, st.lists(st.tuples(st.booleans(), st.sampled_from(["", *"abcd", "other"]))))
def test_only_legal_moves_are_made_and_a_refused_one_changes_nothing(
    contexts: dict[str, Context], wishes: list[tuple[bool, str]]
) -> None:
    machine = StepMachine(contexts)
    table = moves(contexts)
    for change, name in wishes:
        before = machine.place
        try:
            (machine.change_context if change else machine.next_step)(name)
        except IllegalMove as error:
            assert machine.place == before
            assert name not in error.legal
        else:
            assert machine.place in table[before]
            assert change == (machine.place.context != before.context)


@given(CONTEXTS)
def test_without_a_list_the_step_below_follows(contexts: dict[str, Context]) -> None:
    machine = StepMachine(contexts)
    listed = machine.step.valid_steps or machine.context.valid_steps
    if not machine.step.end and not listed:
        following = contexts["default"].steps[1:2]
        assert machine.steps == tuple(step.name for step in following)


def test_nothing_follows_the_end() -> None:
    contexts = {
        "default": Context(steps=(Step(name="a", text="x", end=True), Step(name="b", say="x")))
    }
    machine = StepMachine(contexts)
    assert (machine.steps, machine.contexts) == ((), ())
    assert machine.force("b") == Place("default", "b")
