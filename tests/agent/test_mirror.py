"""What a session is told, and in which order."""

from sipagent.agent.conversation import CallRequest, Conversation, Message
from sipagent.agent.realtime.history import Result, Said, Text, recent, to_tell
from sipagent.agent.realtime.mirror import Mirror
from sipagent.agent.realtime.model import Setup
from sipagent.agent.realtime.sounds import CallerSound
from sipagent.agent.realtime.utterances import Utterances
from sipagent.media.frames import Frame
from sipagent.testing.speech_model import ScriptedSpeechModel, SpeechScript
from sipagent.testing.virtual import virtual_time


async def unknown(sound: CallerSound) -> str:
    return ""


def test_another_session_learns_of_tools_and_cuts_as_text() -> None:
    messages = [
        Message("agent", "Good morning."),
        Message("caller", "is my order there", sounds=("s1",)),
        Message("agent", "One moment.", requests=(CallRequest("c1", "look", {"n": 1}),)),
        Message("tool", "not yet", tool_call_id="c1", tool="look", ok=False),
        Message("caller", sounds=("s2",)),
        Message("caller", sounds=("s3",), digits="5"),
    ]
    assert to_tell(messages, known=(), kept={"s3"}, asked=()) == [
        Text("agent", "Good morning."),
        Text("caller", "is my order there"),
        Text("agent", "One moment."),
        Text("system", '[you used look with {"n": 1}]'),
        Text("system", "[look returned: Failed: not yet]"),
        Text("caller", "[not understood]"),
        Text("caller", "[keys pressed: 5]"),
        Said("s3"),
    ]
    assert to_tell(messages[3:4], known=(), kept=(), asked={"c1"}) == [
        Result("c1", "Failed: not yet")
    ]


def test_only_the_newest_of_a_long_talk_is_told_to_another_session() -> None:
    long = [Message("caller", "x" * 1000) for _ in range(100)]
    assert len(recent(long)) == 12
    short = [Message("caller", "x") for _ in range(100)]
    assert len(recent(short)) == 60


@virtual_time
async def test_two_voices_are_never_mixed_into_one() -> None:
    model = ScriptedSpeechModel(SpeechScript())
    mirror, utterances = Mirror(model, Setup("")), Utterances(live=True)
    first = utterances.begin("s1", unknown)
    utterances.hear(first, Frame(bytes(320)), None)  # nobody hears it as it is spoken
    utterances.commit(first, None)
    second = utterances.begin("s2", unknown)
    utterances.hear(second, Frame(bytes(320)), mirror)
    conversation = Conversation([Message("caller", sounds=("s1",))])
    mirror.tell(conversation, utterances.sounds)
    assert model.told == [("write", "caller", "[not understood]")]
    utterances.commit(second, mirror)
    conversation.add(Message("caller", sounds=("s2",)))
    mirror.tell(conversation, utterances.sounds)
    assert model.told[-1] == ("commit", "s2")
    assert model.heard_ms == 20
