"""An SWML `ai` object is read liberally, and what it says is said of an agent."""

from typing import Any

import pytest

from sipagent.agent.refs import ProviderRef
from sipagent.agent.spec import AgentSpec
from sipagent.config.swml import Swml
from sipagent.dialplan.lint import House, check
from sipagent.dialplan.swml.ai import CONSCIENCE, InlineAgent, agent_of
from sipagent.dialplan.swml.organs import Vocabulary
from sipagent.errors import PlanError
from sipagent.sources import parse


def a_ref(**keys: object) -> ProviderRef:
    return ProviderRef.model_validate(keys)


HOUSE = Vocabulary(
    {"mind": "openai", "elevenlabs": "elevenlabs", "warm": "cartesia", "hear": "deepgram"},
    {"openai"},
    Swml(
        models={"gpt-4o-mini": a_ref(provider="mind", model="small")},
        voices={"polly.Salli": a_ref(provider="warm", voice="v1")},
    ),
)


def read(**ai: Any) -> InlineAgent:
    return agent_of({"prompt": {"text": "Be kind."}, **ai}, HOUSE)


def spec(**ai: Any) -> AgentSpec:
    return read(**ai).spec


def test_a_prompt_is_enough() -> None:
    agent = spec()
    assert (agent.prompt, agent.conscience) == ("Be kind.", CONSCIENCE)
    assert agent.brain == (ProviderRef(provider="mind"),)
    assert (agent.opening.speaks_first, agent.swaig, agent.global_data) == (True, None, {})


def test_what_is_said_of_one_thing_leaves_the_rest_as_it_is() -> None:
    agent = spec(params={"initial_sleep_ms": 500, "hard_stop_prompt": "Go.", "ai_volume": "-3"})
    assert (agent.opening.speaks_first, agent.opening.sleep_ms) == (True, 500)
    assert (agent.hard_stop, agent.background, agent.volume) == (None, None, -3.0)
    assert agent.attention is not None and agent.attention.after == 5.0
    assert agent.barge_in.transparent


def test_functions_data_and_reports_are_handed_on() -> None:
    swaig = {"functions": [{"function": "price"}], "odd": 1}
    agent = spec(
        SWAIG=swaig,
        global_data={"shop": "Rossi"},
        post_prompt={"pom": [{"body": "Sum up."}], "temperature": 0.1},
        post_prompt_url="https://u:p@example.com/post/?__token=x",
        params={"swaig_allow_swml": False, "swaig_post_swml_vars": ["a"]},
    )
    assert agent.swaig is not None and agent.swaig.remarks
    assert [function.function for function in agent.swaig.functions] == ["price"]
    assert agent.global_data == {"shop": "Rossi"}
    assert agent.functions.swaig_allow_swml is False
    assert agent.functions.swaig_post_swml_vars == ("a",)
    reports = agent.reports
    assert reports is not None and reports.debug_level == 1
    assert reports.post_prompt.prompt == "Sum up."
    assert reports.post_prompt.url == "https://u:p@example.com/post/?__token=x"
    assert reports.post_prompt.brain == (a_ref(provider="mind", temperature=0.1),)


def test_what_is_not_known_is_left_out_and_told_once() -> None:
    inline = read(
        voice="x",
        prompt={"text": "Be kind.", "tone": "warm", "top_p": "0.5"},
        params={"atention_timeout": 1, "auto_correct": True, "verbose_logs": True, "ai_volume": []},
    )
    assert inline.notes == (
        "params.atention_timeout is not known and is ignored",
        "params.ai_volume cannot be '[]' and is ignored",
        "voice is not known and is ignored",
        "prompt.tone is not known and is ignored",
    )
    assert inline.spec.brain[0].options == {"top_p": 0.5}


@pytest.mark.swml("param", "ai_model", "a provider of sipagent.yaml by that name")
@pytest.mark.swml("param", "max_response_tokens", "bounds every answer")
def test_a_model_is_looked_for_by_its_name_and_told_the_prompts_settings() -> None:
    inline = read(
        prompt={"text": "x", "model": "gpt-4o-mini", "temperature": 0.3, "max_tokens": 99},
        params={"max_response_tokens": 50, "ai_model": "other"},
    )
    [brain] = inline.spec.brain
    assert brain.provider == "mind"
    assert brain.options == {"temperature": 0.3, "max_tokens": 50, "model": "small"}
    assert inline.notes == ()
    [note] = read(params={"ai_model": "gpt-9"}).notes
    assert note.startswith("model gpt-9 is the default brain here")


def test_without_any_language_model_there_is_no_agent() -> None:
    with pytest.raises(PlanError, match="needs a language model"):
        agent_of({"prompt": {"text": "x"}}, Vocabulary())


@pytest.mark.swml("verb", "ai", "languages: voices are those of configured providers, fillers kept")
def test_languages_speak_by_the_providers_they_name() -> None:
    inline = read(
        languages=[
            {
                "name": "English",
                "code": "en-US",
                "voice": "elevenlabs.rachel:eleven_turbo",
                "speech_fillers": ["Hm."],
                "function_fillers": ["One moment."],
            },
            {"code": "es-ES", "voice": "Lupe", "engine": "nowhere", "fillers": ["Un momento."]},
            {"name": "French", "code": "fr-FR", "voice": "polly.Salli"},
        ]
    )
    english, spanish, french = inline.spec.languages
    assert (english.name, english.provider, english.voice) == ("English", "elevenlabs", "")
    assert english.fillers is not None and english.fillers.thinking == ("Hm.",)
    assert english.fillers.tools == {"default": ("One moment.",)}
    assert (spanish.name, spanish.provider, spanish.voice) == ("es-ES", None, "")
    assert spanish.fillers is not None and spanish.fillers.thinking == ("Un momento.",)
    assert (french.provider, french.voice) == ("warm", "v1")
    assert inline.notes == (
        "voice elevenlabs.rachel:eleven_turbo: the model is the provider's own",
        "voice rachel is elevenlabs's own: swml.voices may give its id",
        "voice Lupe is the default one here: swml.voices may say another",
    )


@pytest.mark.swml("verb", "ai", "hints: words for the ears; objects put right what they heard")
@pytest.mark.swml("verb", "ai", "pronounce: words are given to the mouth as they are to be said")
def test_hints_and_pronunciation_are_taken_over() -> None:
    agent = spec(
        hints=["Rossi", {"hint": "Cabby", "pattern": "cab bee", "replace": "Cabby"}],
        pronounce=[{"replace": "SIP", "with": "sip", "ignore_case": False}],
    )
    assert agent.hints == ("Rossi", "Cabby")
    [rewording] = agent.reword
    assert (rewording.pattern, rewording.replace) == ("cab bee", "Cabby")
    [rule] = agent.pronounce
    assert (rule.replace, rule.spoken, rule.ignore_case) == ("SIP", "sip", False)


@pytest.mark.parametrize(
    "ai",
    [
        {"languages": "en", "params": [], "SWAIG": [], "global_data": 3, "post_prompt": []},
        {"hints": [{}], "pronounce": [{}], "languages": [{}], "prompt": []},
        {"prompt": {"contexts": [], "text": 4}, "multilingual": True},
    ],
)
def test_what_has_another_shape_is_left_out(ai: dict[str, Any]) -> None:
    agent = spec(**ai)
    assert (agent.languages, agent.hints, agent.pronounce, agent.contexts) == ((), (), (), {})


@pytest.mark.swml("param", "openai_asr_engine", "configured ears of that vendor")
@pytest.mark.swml("param", "asr_smart_format", "asked of ears that have it")
def test_ears_are_looked_for_by_the_engine_and_asked_for_what_they_can() -> None:
    inline = read(params={"openai_asr_engine": "nova-3", "asr_smart_format": True})
    assert inline.spec.ears == (a_ref(provider="hear", smart_format=True),)
    assert inline.notes == ()
    other = read(params={"openai_asr_engine": "gcloud_speech_v2_async", "asr_smart_format": True})
    assert "ears" not in other.spec.model_fields_set
    assert other.notes == (
        "openai_asr_engine gcloud_speech_v2_async: no such ears are configured here",
        "params.asr_smart_format: these ears do not have it",
    )


@pytest.mark.swml("param", "cache_mode", "what is said is kept, and said from there next time")
def test_cache_mode_keeps_all_speech() -> None:
    assert spec(params={"cache_mode": True}).speech_cache == "all"
    assert spec().speech_cache == "static"


@pytest.mark.swml("param", "app_name", "stands in reports")
@pytest.mark.swml("param", "save_conversation", "a report is made without a post prompt, too")
def test_names_of_the_application_go_into_reports() -> None:
    reports = spec(params={"app_name": "desk", "save_conversation": True}).reports
    assert reports is not None
    assert (reports.app_name, reports.save_conversation) == ("desk", True)


def test_a_prompt_in_plain_text_and_a_wrong_context_are_met() -> None:
    assert spec(prompt="Be kind.").prompt == "Be kind."
    steps = [{"name": "a", "text": "x"}, {"name": "a", "text": "y"}]
    with pytest.raises(PlanError, match=r"ai: contexts.default.steps: two steps are named a"):
        read(prompt={"text": "x", "contexts": {"default": {"steps": steps}}})


def test_the_check_of_a_plan_says_what_an_inline_agent_does_not_do() -> None:
    text = """
sections:
  main:
    - ai:
        prompt: {text: Be kind., tone: warm}
        params: {atention_timeout: 1, attention_timeout: "${vars.patience}"}
    - ai: {prompt: {text: x, contexts: {default: {steps: []}}}}
"""
    found = [
        (finding.line, finding.severity, finding.message)
        for finding in check(parse(text, "p.yaml"), House(vocabulary=HOUSE))[1]
    ]
    assert found == [
        (5, "warning", "prompt.tone is not known and is ignored"),
        (6, "warning", "params.atention_timeout is not known and is ignored"),
        (
            7,
            "error",
            "ai: contexts.default.steps: Tuple should have at least 1 item after validation, not 0",
        ),
    ]


def test_what_is_the_prompts_is_taken_from_the_params_too() -> None:
    asked = {"text": "Be kind.", "top_p": 0.5}
    ai = {"prompt": asked, "params": {"temperature": 0.3, "top_p": 0.9, "model": "gpt-x"}}
    agent = agent_of(ai, Vocabulary({"mind": "openai"}, {"openai"}))
    (brain,) = agent.spec.brain
    assert brain.options == {"temperature": 0.3, "top_p": 0.5}
    assert not any("params." in note for note in agent.notes)
