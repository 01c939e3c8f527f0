"""Which ears and which model help a verb that is no talk."""

import pytest

from sipagent.agent.failover import only
from sipagent.agent.writing import Pen
from sipagent.config import Settings
from sipagent.dialplan.load import load
from sipagent.dialplan.model import Plan
from sipagent.errors import ProviderError
from sipagent.providers.vendors.streamed_ears import StreamedEars
from sipagent.sources import parse
from sipagent.testing.fakes import ScriptedBrain, a_call
from sipagent.testing.virtual import virtual_time
from sipagent.worker.helping import HouseModels, OtherEars

PROVIDERS = {
    "llm": {"kind": "openai", "model": "m", "base_url": "http://127.0.0.1:1/v1", "api_key": "x"},
    "dg": {"kind": "deepgram", "base_url": "ws://127.0.0.1:1", "api_key": "x"},
}


def plan(agents: str = "{}") -> Plan:
    text = f"agents: {agents}\nsections: {{main: [hangup]}}\n"
    return load(parse(text, "plan.yaml"))


def house(**providers: object) -> Settings:
    return Settings.model_validate({"providers": providers})


def test_an_engine_is_found_by_name_or_kind_and_else_ears_that_are_nothing_else() -> None:
    ears = OtherEars(house(**PROVIDERS), plan())
    for engine in ("dg", "deepgram", "", "google"):
        assert isinstance(ears(engine, 8000), StreamedEars)


def test_without_ears_that_hear_any_words_it_says_what_is_missing() -> None:
    own = plan("{desk: {ears: {provider: grammar}}}")
    with pytest.raises(ProviderError, match="configure some under providers"):
        OtherEars(house(), own)("deepgram", 8000)


def test_a_model_is_the_named_one_the_plans_or_the_houses_first() -> None:
    assert HouseModels(house(**PROVIDERS), plan(), 8000).candidate("llm").name == "llm"
    assert HouseModels(house(**PROVIDERS), plan(), 8000).candidate("dg").name == "llm"
    with pytest.raises(ProviderError, match="language model"):
        HouseModels(house(dg=PROVIDERS["dg"]), plan(), 8000).candidate()


@virtual_time
async def test_a_pen_writes_what_the_mind_says_and_a_failure_is_told() -> None:
    call = a_call()
    brain = ScriptedBrain("Buongiorno.", [ProviderError("mind", "out of order")])
    pen = Pen(call.session, only(brain, "scripted"))
    assert await pen.write("Translate.", "good morning") == "Buongiorno."
    with pytest.raises(ProviderError, match="out of order"):
        await pen.write("Translate.", "good morning")
    await pen.aclose()
