"""The check of plans knows what this server's minds and ears can do."""

from pathlib import Path

import pytest

from sipagent.app.plans import read_plans
from sipagent.testing.server import settings_in

PLAN = """
agents:
  a:
    brain: {BRAIN}
    intents:
      x: {phrases: [sales please]}
      y: {INTENT}
sections: {main: [{ai: a}]}
"""
LOCAL = "provider: openai, model: m, base_url: 'http://127.0.0.1:9/v1'"


def found(folder: Path, brain: str, intent: str) -> list[tuple[str, str]]:
    text = PLAN.replace("BRAIN", brain).replace("INTENT", intent)
    _, findings = read_plans(settings_in(folder, text))
    return [(finding.key, finding.message) for finding in findings]


def test_intents_that_cannot_be_met_or_told_apart_are_found(tmp_path: Path) -> None:
    assert found(tmp_path, "provider: intents", "phrases: ['Sales, please!'], say: ok") == [
        ("agents.a.intents.x", "needs say or do: it would be met with silence"),
        ("agents.a.intents.y.phrases[0]", "'sales please' already means x"),
    ]


def test_a_language_models_agent_needs_phrases_only(tmp_path: Path) -> None:
    assert found(tmp_path, LOCAL, "phrases: [support please]") == []


@pytest.mark.parametrize(
    ("brain", "said"),
    [
        (LOCAL.replace("model:", "modle:"), "model: Field required"),
        (f"{LOCAL}, tone: warm", "tone: Extra inputs are not permitted"),
        (f"{LOCAL}, temperature: 3", "temperature: Input should be less than or equal to 2"),
        ("provider: openai, model: m", "no API key"),
    ],
)
def test_a_mind_that_cannot_be_made_is_found_before_any_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, brain: str, said: str
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    ((key, message),) = found(tmp_path, brain, "phrases: [support please]")
    assert key == "agents.a.brain"
    assert message.startswith(said)


def test_every_mind_of_a_list_is_checked(tmp_path: Path) -> None:
    plan = PLAN.replace("{BRAIN}", "[{provider: intents}, {BRAIN}]")
    text = plan.replace("BRAIN", f"{LOCAL}, tone: warm").replace(
        "INTENT", "phrases: [open], say: ok"
    )
    _, findings = read_plans(settings_in(tmp_path, text.replace("please]}", "please], say: ok}")))
    ((key, line),) = [(finding.key, finding.line) for finding in findings]
    assert (key, line) == ("agents.a.brain[1]", 4)


SPEECH = """
agents:
  a:
    EXTRA
    intents: {x: {phrases: [sales please], say: ok}}
sections: {main: [{ai: a}]}
"""


@pytest.mark.parametrize(
    ("extra", "key", "said"),
    [
        ("voice: {provider: espeak, voice: en-klingon}", "voice", "en-klingon"),
        ("voice: {provider: wyoming, base_url: 'http://a:1'}", "voice", "not tcp://host:port"),
        ("ears: {provider: wyoming, base_url: 'tcp://a:1', tongue: en}", "ears", "tongue: Extra"),
        ("ears: {provider: intents}", "ears", "is none of"),
        (
            "languages: [{name: English, code: en-GB, provider: wyoming}]",
            "languages[0]",
            "base_url: Field required",
        ),
        (
            "languages: [{name: English, code: en-GB, provider: wyomming}]",
            "languages[0]",
            "there is no provider wyomming",
        ),
    ],
)
def test_ears_and_mouths_that_cannot_be_made_are_found_before_any_call(
    tmp_path: Path, extra: str, key: str, said: str
) -> None:
    _, findings = read_plans(settings_in(tmp_path, SPEECH.replace("EXTRA", extra)))
    [finding] = findings
    assert finding.key == f"agents.a.{key}"
    assert said in finding.message


def test_a_model_that_hears_for_itself_needs_no_ears_and_no_phrases(tmp_path: Path) -> None:
    def agent(keys: str) -> list[tuple[str, str]]:
        text = f"agents: {{a: {{prompt: Hello, {keys}}}}}\nsections: {{main: [{{ai: a}}]}}\n"
        _, findings = read_plans(settings_in(tmp_path, text))
        return [(finding.key, finding.severity) for finding in findings]

    itself = "brain: {provider: openai-realtime, model: m, base_url: 'ws://127.0.0.1:9/v1'}"
    assert agent(itself) == []
    assert agent(itself + ", ears: {provider: grammar}") == [("agents.a.ears", "warning")]
    gemini = "brain: {provider: gemini-live, model: m, base_url: 'ws://127.0.0.1:9'}"
    assert agent(gemini + ", ears: {provider: grammar}") == []
    assert agent(itself + ", summary: {prompt: Sum up}") == [("agents.a.summary", "error")]
