"""The pure parts: whose turn, who gives way, what was heard, where a sentence ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.agent.conversation import Conversation, Message
from sipagent.agent.speaking.heard import SpokenText
from sipagent.agent.speaking.sentences import SentenceSplitter
from sipagent.agent.turns.decisions import EndOfTurn, SpeechOffset, SpeechOnset, TurnDecision
from sipagent.agent.turns.machine import TurnMachine, TurnState
from sipagent.agent.turns.rules import TurnRules
from sipagent.agent.turns.silence import SilenceWatch


def run(probabilities: list[float], machine: TurnMachine | None = None) -> list[TurnDecision]:
    machine = machine or TurnMachine()
    return [d for n, p in enumerate(probabilities) for d in machine.frame(n * 20, p)]


def test_one_loud_frame_is_not_speech() -> None:
    assert run([0.0, 1.0] + [0.0] * 50) == []


def test_two_loud_frames_are_speech_since_the_first() -> None:
    assert run([0.0, 1.0, 1.0]) == [SpeechOnset(20, first=True)]


def test_a_level_between_the_thresholds_starts_nothing_and_ends_nothing() -> None:
    assert run([0.4] * 100) == []
    assert run([1.0] * 5 + [0.4] * 100) == [SpeechOnset(0, first=True)]


def test_a_gap_inside_a_sentence_does_not_end_the_turn() -> None:
    decisions = run([1.0] * 20 + [0.0] * 15 + [1.0] * 20 + [0.0] * 25)
    assert decisions == [
        SpeechOnset(0, first=True),
        SpeechOffset(400),
        SpeechOnset(700, first=False),
        SpeechOffset(1100),
        EndOfTurn(
            1600,
            "silence",
            1100,
            1100,
            rule="silence",
            evidence="no words told otherwise",
        ),
    ]


def test_a_gap_between_syllables_is_not_even_an_end_of_speech() -> None:
    assert run([1.0] * 10 + [0.0] * 9 + [1.0] * 10) == [SpeechOnset(0, first=True)]


def test_a_turn_of_the_greatest_length_is_ended_while_the_caller_speaks() -> None:
    decisions = run([1.0] * 60, TurnMachine(TurnRules(longest_ms=1000)))
    assert decisions == [
        SpeechOnset(0, first=True),
        SpeechOffset(1000),
        EndOfTurn(
            1000,
            "too_long",
            1000,
            1000,
            rule="longest",
            evidence="a turn lasts 1000 ms at most",
        ),
        SpeechOnset(1000, first=True),
    ]


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.4, 1.0]), st.integers(1, 40)), max_size=40))
def test_onsets_offsets_and_ends_always_alternate(runs: list[tuple[float, int]]) -> None:
    machine = TurnMachine(TurnRules(longest_ms=3000))
    probabilities = [p for p, count in runs for _ in range(count)] + [0.0] * 60
    speaking = open_turn = False
    for decision in run(probabilities, machine):
        match decision:
            case SpeechOnset():
                assert not speaking and decision.first is not open_turn
                speaking = open_turn = True
            case SpeechOffset():
                assert speaking
                speaking = False
            case EndOfTurn():
                assert open_turn and not speaking
                open_turn = False
    assert machine.state is TurnState.QUIET and not open_turn


def spoken() -> SpokenText:
    text = SpokenText(rate=8000, frame=160)
    for index, sentence in enumerate(("one two three four", "five six")):
        piece = text.add(sentence)
        piece.start = 10 + index * 20
        piece.samples = 160 * 20 // (1 + index)
        piece.whole = True
    return text


@pytest.mark.parametrize(
    ("position", "heard"),
    [
        (0, ""),
        (10, ""),
        (14, ""),
        (15, "one"),
        (29, "one two three"),
        (30, "one two three four"),
        (34, "one two three four"),
        (35, "one two three four five"),
        (99, "one two three four five six"),
    ],
)
def test_the_words_heard_follow_from_the_frame_played(position: int, heard: str) -> None:
    text = spoken()
    assert text.split(position)[0] == heard
    assert " ".join(text.split(position)).strip() == "one two three four five six"


def test_a_sentence_still_being_made_is_judged_by_the_pace_of_the_last() -> None:
    text = spoken()
    piece = text.add("seven eight nine ten")
    piece.start, piece.samples = 40, 160 * 8
    assert text.split(40 + 8)[0].endswith("five six seven")


@pytest.mark.parametrize(
    ("chunks", "sentences"),
    [
        (["Hello.", " How are", " you?"], ["Hello.", "How are you?"]),
        (["It costs 3.", "50 today. Bye"], ["It costs 3.50 today.", "Bye"]),
        (["Dr. Rossi is in. Come"], ["Dr. Rossi is in.", "Come"]),
        (["Nine to five, Monday to Friday."], ["Nine to five, Monday to Friday."]),
        (["Well then let me see, "], ["Well then let me see,"]),
        (["Yes, "], ["Yes,"]),
        (["one\ntwo"], ["one", "two"]),
        (["... "], []),
        (["No. 5 is", " free. No. We are closed."], ["No. 5 is free.", "No.", "We are closed."]),
        (
            ["Until 5 p.m. on", " Monday. Until 5 p.m. Then"],
            ["Until 5 p.m. on Monday.", "Until 5 p.m.", "Then"],
        ),
        (["See www.rossi.example. Or", " write."], ["See www.rossi.example.", "Or write."]),
        (["Version 2.1 is out! (Really.) Yes"], ["Version 2.1 is out!", "(Really.)", "Yes"]),
        (
            ["¿Cómo está? ¡Bien! La Sra. López, p.ej. hoy. Ud. dirá."],
            ["¿Cómo está?", "¡Bien!", "La Sra. López, p.ej. hoy.", "Ud. dirá."],
        ),
        (["Am 3. Mai, z.B. um 9 Uhr. Gut."], ["Am 3. Mai, z.B. um 9 Uhr.", "Gut."]),
        (
            ["您好。", "请问您找谁？我们", "九点开门。"],
            ["您好。", "请问您找谁？", "我们九点开门。"],
        ),
        (["「はい。」", "少々お待ちください。"], ["「はい。」", "少々お待ちください。"]),
        (["नमस्ते। आप", " कैसे हैं? हाँ"], ["नमस्ते।", "आप कैसे हैं?", "हाँ"]),
        (["هل أنت هناك؟ نعم"], ["هل أنت هناك؟", "نعم"]),
        (["Well... maybe. Wait… no"], ["Well... maybe.", "Wait… no"]),
    ],
)
def test_streamed_words_are_cut_into_sentences(chunks: list[str], sentences: list[str]) -> None:
    splitter = SentenceSplitter()
    found = [sentence for chunk in chunks for sentence in splitter.feed(chunk)]
    assert found + splitter.flush() == sentences


def test_the_first_clause_is_out_before_its_sentence_is_whole() -> None:
    splitter = SentenceSplitter()
    assert splitter.feed("Let me have a look, ") == ["Let me have a look,"]
    assert splitter.feed("and then we shall see what is there, but") == []


def test_a_clause_of_a_script_without_spaces_is_out_early_too() -> None:
    assert SentenceSplitter().feed("让我为您查一下这个订单，请") == ["让我为您查一下这个订单，"]


def test_words_without_any_end_are_cut_before_they_are_too_long() -> None:
    splitter = SentenceSplitter(first_clause_words=10_000)
    pieces = [piece for _ in range(300) for piece in splitter.feed("and so on ")]
    pieces += splitter.flush()
    assert max(map(len, pieces)) <= 400
    assert " ".join(pieces).split() == ["and", "so", "on"] * 300


@given(st.lists(st.text(alphabet="ab1.,!? \n", max_size=8), max_size=20))
def test_no_word_is_lost_in_cutting(chunks: list[str]) -> None:
    splitter = SentenceSplitter()
    found = [sentence for chunk in chunks for sentence in splitter.feed(chunk)]
    found += splitter.flush()
    letters = [c for c in "".join(chunks) if c.isalnum()]
    assert [c for c in "".join(found) if c.isalnum()] == letters


def test_a_message_that_nobody_heard_is_empty_and_keeps_its_place() -> None:
    conversation = Conversation()
    first = conversation.add(Message("agent", "one"))
    conversation.add(Message("agent", "two"))
    conversation.cut("", first)
    assert [(m.text, m.interrupted) for m in conversation.messages] == [("", True), ("two", False)]


def test_silence_is_counted_only_in_a_row() -> None:
    watch = SilenceWatch([0.1], limit=1)
    quiet = [watch.frame(True) for _ in range(4)]
    assert quiet == [None] * 4 and watch.frame(False) is None
    assert [watch.frame(True) for _ in range(10)] == [None] * 4 + ["ask"] + [None] * 4 + ["give_up"]


def entries(keys: tuple[str, ...], pressed: str) -> list[str]:
    machine = TurnMachine()
    machine.keys = keys
    decisions = [d for n, key in enumerate(pressed) for d in machine.key(n * 20, key)]
    return [d.digits for d in decisions if isinstance(d, EndOfTurn)]


def test_an_expected_entry_ends_at_once_unless_a_longer_one_begins_with_it() -> None:
    assert entries(("1", "2"), "1") == ["1"]
    assert entries(("1", "12"), "1") == []
    assert entries(("1", "12"), "12") == ["12"]
    assert entries(("1", "2"), "7") == []
    assert entries((), "1") == []
