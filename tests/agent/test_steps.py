"""A talk goes through its steps, whatever the model would like."""

from sipagent.agent.protocols import Say, ToolCall
from sipagent.call.verb import Outcome
from sipagent.events import Gathered, StepChanged, ToolReturned, Warned
from sipagent.testing.agents import StagedCall, a_staged_call
from sipagent.testing.fakes import ScriptedBrain, ScriptedEars
from sipagent.testing.virtual import virtual_time

PLAN = """
agents:
  desk:
    brain: {provider: mind}
    tools: [hangup, hold, send_digits]
    prompt: "You are the desk."
    contexts:
      default:
        valid_contexts: [complaints]
        steps:
          - name: greet
            text: "Ask ${call.from} what they need."
            step_criteria: "the caller has said what they need"
            functions: none
          - {name: order, text: "Take the order.", functions: [hold], valid_steps: [greet, done]}
          - {name: pay, text: "Never without the form."}
          - {name: done, text: "Say goodbye.", end: true}
      complaints:
        isolated: true
        steps: [{name: listen, text: "Listen."}]
sections: {main: [{ai: desk}]}
"""


def go(tool: str, **arguments: object) -> ToolCall:
    return ToolCall(f"{tool}-{len(arguments)}", tool, dict(arguments))


def steps(staged: StagedCall) -> list[str]:
    return [f"{e.context}.{e.step}" for e in staged.call.all(StepChanged)]


def results(staged: StagedCall) -> list[tuple[bool, str]]:
    return [(e.ok, e.result) for e in staged.call.all(ToolReturned)]


@virtual_time
async def test_each_step_has_its_own_words_and_tools() -> None:
    brain = ScriptedBrain([go("next_step")], "What would you like?", "Anything else?")
    ears = ScriptedEars("an order", "a bicycle")
    told = {"call": {"from": "alice"}}
    async with a_staged_call(PLAN, ears=ears, minds={"desk": brain}, variables=told) as staged:
        await staged.until(500)
        conversation = staged.talkers.agents[0].conversation
        assert await staged.answers() == "What would you like?"
        assert list(brain.offered[0]) == ["hangup", "next_step", "change_context"]
        assert list(brain.offered[1]) == ["hangup", "hold", "next_step", "change_context"]
        assert steps(staged) == ["default.greet", "default.order"]
        assert "You are the desk." in conversation.prompt
        assert "Current step: order\nTake the order." in conversation.prompt
        assert "Ask alice" not in conversation.prompt
        assert staged.call.all(StepChanged)[1].before == "default.greet"


@virtual_time
async def test_the_prompt_of_a_step_is_filled_and_says_what_may_follow() -> None:
    brain = ScriptedBrain("Hello.")
    told = {"call": {"from": "alice"}}
    minds = {"desk": brain}
    async with a_staged_call(PLAN, ears=ScriptedEars("hi"), minds=minds, variables=told) as staged:
        await staged.until(500)
        await staged.answers()
        prompt = staged.talkers.agents[0].conversation.prompt
        assert "Ask alice what they need." in prompt
        assert "This step is done when: the caller has said what they need" in prompt
        assert "Steps that may follow: order." in prompt


@virtual_time
async def test_an_illegal_move_is_answered_with_what_is_legal() -> None:
    brain = ScriptedBrain(
        [go("next_step", step="pay")],
        [go("next_step")],
        [go("next_step", step="pay")],
        [go("change_context", context="nowhere")],
        [go("send_digits", digits="1")],
        "All right.",
    )
    async with a_staged_call(PLAN, ears=ScriptedEars("hi"), minds={"desk": brain}) as staged:
        await staged.until(500)
        assert await staged.answers() == "All right."
        assert steps(staged) == ["default.greet", "default.order"]
        refused = [text for ok, text in results(staged) if not ok]
        assert refused[0] == "next_step was not run: 'pay' is not one of ['order']"
        assert refused[1] == "next_step was not run: 'pay' is not one of ['greet', 'done']"
        assert refused[2] == "change_context was not run: 'nowhere' is not one of ['complaints']"
        assert refused[3].startswith("There is no tool 'send_digits'. The tools: hangup, hold")


@virtual_time
async def test_an_isolated_context_does_not_know_what_was_said_before() -> None:
    brain = ScriptedBrain("Go on.", [go("change_context", context="complaints")], "I see.")
    ears = ScriptedEars("my secret", "I complain")
    async with a_staged_call(PLAN, ears=ears, minds={"desk": brain}) as staged:
        await staged.until(500)
        await staged.answers()
        assert await staged.answers() == "I see."
        seen = [message.text for message in brain.saw[-1]]
        assert "my secret" not in seen and "I complain" not in seen
        assert [m.role for m in brain.saw[-1]] == ["agent", "tool"]
        agent = staged.talkers.agents[0]
        assert [m.text for m in agent.conversation.all if m.role == "caller"] == [
            "my secret",
            "I complain",
        ]


@virtual_time
async def test_nothing_is_offered_after_the_end() -> None:
    brain = ScriptedBrain([go("next_step")], [go("next_step", step="done")], "Goodbye.")
    async with a_staged_call(PLAN, ears=ScriptedEars("hi"), minds={"desk": brain}) as staged:
        await staged.until(500)
        assert await staged.answers() == "Goodbye."
        assert list(brain.offered[-1]) == ["hangup", "hold", "send_digits", "change_context"]


AHEAD = """
agents:
  desk:
    brain: {provider: mind}
    contexts:
      default:
        steps:
          - {name: one, text: "One.", skip_to_next_step: true}
          - {name: two, text: "Two.", skip_user_turn: true}
          - {name: three, text: "Three."}
sections: {main: [{ai: desk}]}
"""


@virtual_time
async def test_a_step_may_be_followed_without_the_caller() -> None:
    brain = ScriptedBrain("First.", "Second.", [Say("Still second."), go("next_step")], "Third.")
    async with a_staged_call(AHEAD, ears=ScriptedEars("hi"), minds={"desk": brain}) as staged:
        await staged.until(500)
        assert await staged.answers(8000) == "First. Second. Still second. Third."
        assert steps(staged) == ["default.one", "default.two", "default.three"]
        assert [m.text for m in brain.saw[1] if m.role == "system"] == ["go on with the step two"]


@virtual_time
async def test_steps_that_follow_each_other_for_ever_come_to_an_end() -> None:
    plan = AHEAD.replace('text: "Two.", skip_user_turn: true', "text: x, skip_to_next_step: true")
    plan = plan.replace('text: "Three."', "text: x, skip_to_next_step: true, valid_steps: [one]")
    brain = ScriptedBrain(default="On.")
    async with a_staged_call(plan, ears=ScriptedEars("hi"), minds={"desk": brain}) as staged:
        await staged.until(500)
        await staged.answers(60_000)
        assert len(brain.saw) == 21


@virtual_time
async def test_a_step_can_put_another_prompt_and_a_short_history_in_place() -> None:
    reset = "{system_prompt: 'You are blunt.', consolidate: true, user_prompt: 'be brief'}"
    plan = PLAN.replace("functions: [hold]", f"reset: {reset}")
    brain = ScriptedBrain([go("next_step")], "What?")
    async with a_staged_call(plan, ears=ScriptedEars("an order"), minds={"desk": brain}) as staged:
        await staged.until(500)
        await staged.answers()
        assert staged.talkers.agents[0].conversation.prompt.startswith("You are blunt.")
        texts = [m.text for m in brain.saw[-1] if m.role in ("system", "caller")]
        assert texts == ["said so far: caller: an order", "be brief"]


FORM = """
agents:
  desk:
    BRAIN
    fallback: sorry
    greeting: "Good morning."
    contexts:
      default:
        steps:
          - name: order
            gather_info:
              output_key: order
              completion_action: ACTION
              questions:
                - key: number
                  question: "Your order number?"
                  type: digits
                  length: 4
                  confirm: true
                - {key: colour, question: "Red or blue?", type: choice, choices: [red, blue]}
          - {name: thanks, say: "Thank you, ${vars.order.number}.", end: true}
sections: {main: [{ai: desk}], sorry: [hangup]}
"""
EMBEDDED = "intents: {hours: {phrases: [when are you open], say: 'Nine to five.'}}"


def form(brain: str = EMBEDDED, action: str = "next_step") -> str:
    return FORM.replace("BRAIN", brain).replace("ACTION", action)


@virtual_time
async def test_the_embedded_mind_fills_a_form_by_voice_and_by_keys() -> None:
    ears = ScriptedEars("no it's four seven one two", "yes", "the blue one", "when are you open")
    async with a_staged_call(form(), ears=ears) as staged:
        await staged.until(4000)
        assert staged.said == [("agent", "Good morning."), ("agent", "Your order number?")]
        assert await staged.presses("47#") == (
            "I have 4 7, but it should be 4 digits. Your order number?"
        )
        assert await staged.presses("4711#") == "I have 4 7 1 1, is that right?"
        assert await staged.answers() == "I have 4 7 1 2, is that right?"
        assert await staged.answers() == "Red or blue?"
        assert await staged.answers() == "Thank you, 4712."
        assert staged.variables["order"] == {"number": "4712", "colour": "blue"}
        gathered = [(e.key, e.value, e.attempts) for e in staged.call.all(Gathered)]
        assert gathered == [("number", "4712", 3), ("colour", "blue", 1)]
        assert await staged.answers() == "Nine to five."


@virtual_time
async def test_the_ears_are_told_what_a_form_waits_for() -> None:
    ears = ScriptedEars("four seven one one", "yes", "red")
    async with a_staged_call(form(), ears=ears) as staged:
        await staged.until(4000)
        for _ in range(3):
            await staged.answers(5000)
        awaited = [expected.awaits for expected in ears.expected]
        assert awaited == ["number", "yes_no", "speech"]
        assert ears.expected[0].patient
        assert "yes" in ears.expected[1].phrases
        assert (ears.expected[2].phrases, ears.expected[2].keys) == (("red", "blue"), ("1", "2"))


@virtual_time
async def test_a_form_that_cannot_be_filled_takes_the_fallback() -> None:
    ears = ScriptedEars("what", "who", "why")
    async with a_staged_call(form(), ears=ears) as staged:
        await staged.until(4000)
        for _ in range(3):
            await staged.answers(6000)
        outcome: Outcome = await staged.running
        assert (outcome.ok, outcome.detail) == (False, "the talk is over: failed")
        assert [w.code for w in staged.call.all(Warned)] == ["form_given_up"]


@virtual_time
async def test_a_filled_form_may_end_the_talk_and_the_plan_goes_on() -> None:
    async with a_staged_call(form(action="end_talk")) as staged:
        await staged.until(4000)
        await staged.presses("4711#")
        await staged.presses("1")
        await staged.presses("1")
        assert (await staged.running).detail == "the talk is over: done"
        assert staged.variables["order"] == {"number": "4711", "colour": "red"}


MODEL = "brain: {provider: mind}\n    tools: [hold]"


@virtual_time
async def test_a_model_asks_one_question_at_a_time_and_we_check_the_answers() -> None:
    brain = ScriptedBrain(
        "Your order number please?",
        [go("answer", value="47")],
        "Once more?",
        [go("answer", value="4711"), go("confirm_answer", correct=True)],
        "4 7 1 1?",
        [go("confirm_answer", correct=True)],
        "Red or blue?",
        [go("answer", value="blue")],
        "Thank you.",
    )
    ears = ScriptedEars("hello", "four seven", "4711", "that's correct", "blue")
    plan = form(MODEL).replace("say: ", "text: ")
    async with a_staged_call(plan, ears=ears, minds={"desk": brain}) as staged:
        await staged.until(2000)
        await staged.answers()
        conversation = staged.talkers.agents[0].conversation
        assert '"Your order number?"' in conversation.prompt
        assert "Red or blue?" not in conversation.prompt
        assert list(brain.offered[0]) == ["answer"]
        assert await staged.answers() == "Once more?"
        assert await staged.answers() == "4 7 1 1?"
        assert "order" not in staged.variables
        assert list(brain.offered[-1]) == ["answer", "confirm_answer"]
        assert await staged.answers() == "Red or blue?"
        assert await staged.answers() == "Thank you."
        assert staged.variables["order"] == {"number": "4711", "colour": "blue"}
        assert results(staged) == [
            (False, "I have 4 7, but it should be 4 digits. "
             'Ask the caller again: "Your order number?"'),
            (True, 'Not taken yet. Ask the caller: "I have 4 7 1 1, is that right?"'),
            (False, 'The caller was not asked yet. Say: "I have 4 7 1 1, is that right?"'),
            (True, 'number is taken. Now ask: "Red or blue?"'),
            (True, "colour is taken. That was the last question."),
        ]  # fmt: skip
        assert steps(staged)[-1] == "default.thanks"
        assert list(brain.offered[-1]) == ["hold"]


@virtual_time
async def test_a_model_cannot_confirm_what_the_caller_denied() -> None:
    brain = ScriptedBrain(
        [go("answer", value="4711")],
        "4 7 1 1?",
        [go("confirm_answer", correct=True)],
        "Again?",
    )
    ears = ScriptedEars("4711", "no that's wrong")
    async with a_staged_call(form(MODEL), ears=ears, minds={"desk": brain}) as staged:
        await staged.until(2000)
        await staged.answers()
        await staged.answers()
        assert results(staged)[-1] == (
            False,
            'number is not confirmed. Ask the caller again: "Your order number?"',
        )
        assert staged.variables == {}


@virtual_time
async def test_a_verbatim_form_is_asked_without_the_model_which_then_goes_on() -> None:
    brain = ScriptedBrain("And now to you.")
    plan = form(MODEL).replace("output_key: order", "verbatim: true")
    plan = plan.replace("say: 'Thank", "text: 'Thank").replace('say: "Thank', 'text: "Thank')
    ears = ScriptedEars("4711", "yes", "red")
    async with a_staged_call(plan, ears=ears, minds={"desk": brain}) as staged:
        await staged.until(4000)
        await staged.answers()
        await staged.answers()
        assert brain.saw == []
        assert await staged.answers() == "And now to you."
        assert staged.variables == {"number": "4711", "colour": "red"}
