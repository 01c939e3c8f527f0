"""A caller and an agent take turns."""

import asyncio

from sipagent.agent.protocols import Say
from sipagent.errors import ProviderError
from sipagent.events import Said, SpeechEnded, SpeechStarted, TurnLatency
from sipagent.testing.fakes import Line, Partial, ScriptedBrain, ScriptedEars
from sipagent.testing.organs import BeepMouth
from sipagent.testing.talk import a_talk
from sipagent.testing.virtual import virtual_time


@virtual_time
async def test_a_greeting_is_followed_by_a_turn_and_its_answer() -> None:
    ears = ScriptedEars(Line("when are you open", confidence=0.9))
    brain = ScriptedBrain("Nine to five.")
    async with a_talk(ears=ears, brain=brain, greeting="Good morning.") as talk:
        await talk.until(1000)
        await talk.person.speak(800, then_quiet=2000)
        assert talk.said == [
            ("agent", "Good morning."),
            ("caller", "when are you open"),
            ("agent", "Nine to five."),
        ]
        assert talk.heard_words() == "Good morning. Nine to five."
        history = [(m.role, m.text, m.confidence) for m in talk.conversation.messages]
        assert history == [
            ("agent", "Good morning.", None),
            ("caller", "when are you open", 0.9),
            ("agent", "Nine to five.", None),
        ]
        assert not any(m.interrupted for m in talk.conversation.messages)


@virtual_time
async def test_speech_events_carry_the_times_of_the_audio() -> None:
    async with a_talk(ears=ScriptedEars("hello"), greeting="Good morning.") as talk:
        await talk.until(1000)
        await talk.person.speak(400, then_quiet=1500)
        agent = [
            (type(e), e.t)
            for e in talk.call.events
            if isinstance(e, SpeechStarted | SpeechEnded) and e.speaker == "agent"
        ]
        first = next(f.t for f in talk.person.heard if any(f.pcm))
        assert agent[0] == (SpeechStarted, first)
        assert agent[1] == (SpeechEnded, first + 200)
        caller = [
            (type(e), e.t)
            for e in talk.call.events
            if isinstance(e, SpeechStarted | SpeechEnded) and e.speaker == "caller"
        ]
        assert caller == [(SpeechStarted, 1000), (SpeechEnded, 1400)]
        said = next(e for e in talk.call.all(Said) if e.speaker == "caller")
        assert (said.start, said.end) == (1000, 1400)


@virtual_time
async def test_the_ears_hear_what_came_just_before_the_onset() -> None:
    ears = ScriptedEars("hello")
    async with a_talk(ears=ears) as talk:
        await talk.until(1000)
        await talk.person.speak(400, then_quiet=1000)
        frames = ears.heard[0]
        assert 1000 - 300 <= frames[0].t <= 1000 - 200
        assert [f.t for f in frames] == list(range(frames[0].t, frames[-1].t + 20, 20))
        assert sum(1 for f in frames if any(f.pcm)) == 20


@virtual_time
async def test_complete_words_end_the_turn_sooner() -> None:
    line = Line("sales", partials=(Partial(200, "sales", complete=True),))
    async with a_talk(ears=ScriptedEars(line, "sales")) as talk:
        await talk.until(1000)
        await talk.person.speak(400, then_quiet=2000)
        await talk.person.speak(400, then_quiet=2000)
        waits = [e.endpoint - e.speech_end for e in talk.call.all(TurnLatency)]  # type: ignore[operator]
        assert waits == [360, 500]


@virtual_time
async def test_a_number_is_waited_for_with_patience() -> None:
    brain = ScriptedBrain()
    brain.expectation = type(brain.expectation)(awaits="number")
    async with a_talk(ears=ScriptedEars("one two"), brain=brain) as talk:
        await talk.until(1000)
        await talk.person.speak(400, then_quiet=800)
        await talk.person.speak(400, then_quiet=3000)
        assert len(talk.ears.heard) == 1
        [latency] = talk.call.all(TurnLatency)
        assert latency.endpoint is not None and latency.speech_end is not None
        assert latency.endpoint - latency.speech_end == 1800


@virtual_time
async def test_the_waterfall_of_a_turn_is_on_record() -> None:
    brain = ScriptedBrain([0.3, Say("Nine to five.")])
    ears = ScriptedEars(Line("when are you open", fault=0.1))
    async with a_talk(ears=ears, brain=brain) as talk:
        await talk.until(1000)
        await talk.person.speak(400, then_quiet=3000)
        [latency] = talk.call.all(TurnLatency)
        assert (latency.turn, latency.speech_end, latency.endpoint) == (1, 1400, 1900)
        assert latency.final_text == 2000
        assert latency.first_token == latency.first_sentence == latency.first_audio == 2300
        assert latency.first_rtp in (2300, 2320)
        assert latency.overhead_ms is not None and latency.overhead_ms > 0
        assert (latency.reason, latency.outcome) == ("silence", "answered")
        assert (latency.ears, latency.mind, latency.mouth) == ("grammar", "intents", "espeak")


@virtual_time
async def test_a_turn_the_ears_or_the_mind_failed_has_a_waterfall_too() -> None:
    ears = ScriptedEars(Line("", fault=ProviderError("ears", "down", retryable=False)), "hello")
    brain = ScriptedBrain([ProviderError("mind", "down", retryable=False)])
    async with a_talk(ears=ears, brain=brain) as talk:
        await talk.until(1000)
        await talk.person.speak(400, then_quiet=5000)
        await talk.person.speak(400, then_quiet=5000)
        deaf, mindless = talk.call.all(TurnLatency)
        assert (deaf.outcome, deaf.first_token) == ("failed", None)
        assert (mindless.outcome, mindless.first_token) == ("failed", None)
        assert mindless.final_text is not None


@virtual_time
async def test_a_typed_turn_says_so_in_its_waterfall() -> None:
    async with a_talk() as talk:
        await talk.until(1000)
        talk.person.press("1#")
        await talk.until(3000)
        [latency] = talk.call.all(TurnLatency)
        assert (latency.reason, latency.outcome, latency.final_text) == ("keys", "answered", None)


@virtual_time
async def test_an_answer_of_instant_models_is_on_the_wire_with_the_next_frame() -> None:
    async with a_talk(ears=ScriptedEars("hello")) as talk:
        await talk.until(1000)
        await talk.person.speak(400, then_quiet=2000)
        [latency] = talk.call.all(TurnLatency)
        assert latency.first_rtp is not None and latency.endpoint is not None
        assert latency.first_rtp - latency.endpoint <= 20


@virtual_time
async def test_the_first_sentence_is_heard_while_the_mind_still_thinks() -> None:
    brain = ScriptedBrain([Say("First this. And"), 2.0, Say(" then that.")])
    async with a_talk(ears=ScriptedEars("hello"), brain=brain) as talk:
        await talk.until(1000)
        await talk.person.speak(400, then_quiet=1000)
        assert talk.heard_words() == "First this."
        await talk.until(5000)
        assert talk.heard_words() == "First this. And then that."
        assert talk.said[-1] == ("agent", "First this. And then that.")


@virtual_time
async def test_a_pause_for_breath_does_not_split_what_was_said() -> None:
    ears = ScriptedEars(Line("I would like", fault=0.4), "to speak to sales")
    brain = ScriptedBrain("Of course.")
    async with a_talk(ears=ears, brain=brain) as talk:
        await talk.until(1000)
        await talk.person.speak(600, then_quiet=600)
        await talk.person.speak(600, then_quiet=2000)
        assert [m.text for m in brain.saw[0]] == ["I would like to speak to sales"]
        assert len(brain.saw) == 1


@virtual_time
async def test_words_before_a_breath_are_not_lost_when_nothing_follows() -> None:
    ears = ScriptedEars(Line("transfer me", fault=0.4), "")
    async with a_talk(ears=ears) as talk:
        await talk.until(1000)
        await talk.person.speak(600, then_quiet=700)
        await talk.person.speak(300, then_quiet=2000)
        assert [[m.text for m in seen] for seen in talk.brain.saw] == [["transfer me"]]


@virtual_time
async def test_a_caller_on_hold_is_not_asked_for_their_silence() -> None:
    async with a_talk(silence_seconds=3.0) as talk:
        await talk.until(1000)
        await talk.call.caller.hold()
        await talk.until(30_000)
        await talk.call.caller.resume()
        await talk.until(32_000)
        assert talk.said == []
        await talk.until(34_000)
        assert talk.said == [("agent", "Are you still there?")]


@virtual_time
async def test_an_agent_stops_speaking_on_hold_and_goes_on_where_it_was() -> None:
    words = " ".join(f"w{n}" for n in range(20))
    async with a_talk(greeting=words, silence_seconds=600.0) as talk:
        await talk.until(1000)
        caller = talk.call.caller
        recorder = talk.call.bridge.open_port("recorder")
        talk.call.session.room.add_listener(recorder, ears_of=caller)
        before = talk.port.played
        await caller.hold()
        await talk.until(1100)
        stopped = talk.port.played
        assert stopped - before <= 2
        await talk.until(30_000)
        assert talk.port.played == stopped
        assert talk.ears.heard == []
        await caller.resume()
        await talk.until(60_000)
        assert talk.said == [("agent", words)]
        assert talk.brain.saw == []


@virtual_time
async def test_what_an_agent_has_to_say_on_hold_is_said_afterwards() -> None:
    ears = ScriptedEars("hello")
    async with a_talk(brain=ScriptedBrain([1.0, Say("Well then.")]), ears=ears) as talk:
        await talk.until(1000)
        await talk.person.speak(500, then_quiet=1100)
        await talk.call.caller.hold()
        await talk.until(20_000)
        assert talk.heard_words() == ""
        await talk.call.caller.resume()
        await talk.until(25_000)
        assert talk.heard_words() == "Well then."
        assert talk.said[-1] == ("agent", "Well then.")


@virtual_time
async def test_a_question_waits_for_a_caller_on_hold() -> None:
    async with a_talk(silence_seconds=3.0) as talk:
        await talk.until(500)
        asked = asyncio.ensure_future(talk.agent.confirm("Shall I?"))
        await talk.until(1500)
        await talk.call.caller.hold()
        await talk.until(20_000)
        assert not asked.done()
        await talk.call.caller.resume()
        talk.person.press("1")
        await talk.until(24_000)
        assert asked.result()


@virtual_time
async def test_sentences_follow_without_a_gap_while_making_is_faster_than_speaking() -> None:
    sentences = "One two three four. Five six seven eight. Nine ten eleven twelve."
    # the vendor takes 300 ms to begin each sentence, and each lasts 400 ms
    mouth = BeepMouth(faults=[0.3, 0.3, 0.3])
    async with a_talk(greeting=sentences, mouth=mouth) as talk:
        await talk.until(4000)
        assert talk.heard_words() == sentences
        loud = [any(frame.pcm) for frame in talk.person.heard]
        first = loud.index(True)
        last = len(loud) - loud[::-1].index(True)
        assert all(loud[first:last])
