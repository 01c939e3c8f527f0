"""Configurations: what the conversations of a measurement are made of."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: about three seconds of speech, as answers on the telephone are
_ANSWER = "Thank you, that is a good question, and this is what I can tell you about it today."
_QUESTIONS = (
    "what are your opening hours",
    "i would like to know where my order is",
    "can you tell me how much it costs to send it back",
    "is there somebody who can help me with my account",
)
#: what the embedded ears know
_DECLARED = ("what are your opening hours", "where is my order", "how much does it cost")
_SILENCE = {"silence_seconds": 600}
_INSTANT = {
    "ears": {"provider": "instant"},
    "brain": {"provider": "instant", "says": _ANSWER},
    "voice": {"provider": "instant", "word_ms": 180},
    **_SILENCE,
}
_TALK = ["answer", {"ai": {"agent": "tried"}}, "hangup"]
NUMBER = "capacity"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the stand-ins of hosted models are, and who is called by a call that is bridged."""

    deepgram: str = ""
    openai: str = ""
    realtime: str = ""
    callee: str = ""


@dataclass(frozen=True, slots=True)
class Configuration:
    """An agent (or none) and the steps of its plan. `providers` are keys of sipagent.yaml; in
    their text `{deepgram}` and the like stand for `Addresses`.
    """

    name: str
    #: one line for people
    what: str
    agent: Mapping[str, Any] | None = None
    steps: tuple[Any, ...] = tuple(_TALK)
    phrases: tuple[str, ...] = _QUESTIONS
    providers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    #: legs of a conversation at the callers' side
    legs: int = 1
    #: turns are taken, and their overhead is judged
    turns: bool = True
    #: needs the processes that stand in for hosted models
    hosted: bool = False

    def plan(self, addresses: Addresses) -> str:
        """Its dialplan."""
        agents = {} if self.agent is None else {"agents": {"tried": dict(self.agent)}}
        plan = {
            "routes": [{"to": NUMBER}],
            **agents,
            **self.more,
            "sections": {"main": list(self.steps)},
        }
        return _filled(plan, addresses)

    def settings(self, addresses: Addresses) -> dict[str, Any]:
        """Its keys of sipagent.yaml."""
        found = json.loads(_filled({"providers": self.providers}, addresses))
        return dict(found) if self.providers else {}


def _filled(value: Mapping[str, Any], addresses: Addresses) -> str:
    text = json.dumps(value)
    for name in Addresses.__slots__:
        text = text.replace(f"{{{name}}}", getattr(addresses, name))
    return text


_KEY = {"api_key": "right"}
_ALL = (
    Configuration(
        "talk",
        "VAD and turn-taking; ears, mind and voice that answer at once",
        agent=_INSTANT,
    ),
    Configuration(
        "embedded-ears",
        "embedded ears, declared phrases, embedded voice: nothing hosted",
        agent={
            "greeting": "Good morning.",
            "brain": {"provider": "intents"},
            "voice": {"provider": "espeak"},
            "intents": {
                f"asks_{number}": {"phrases": [phrase], "say": _ANSWER}
                for number, phrase in enumerate(_DECLARED)
            },
            **_SILENCE,
        },
        phrases=_DECLARED,
    ),
    Configuration(
        "hosted-ears",
        "ears of Deepgram's protocol over WebSocket; mind and voice that answer at once",
        agent={**_INSTANT, "ears": {"provider": "ears"}},
        providers={"ears": {"kind": "deepgram", "base_url": "{deepgram}", **_KEY}},
        hosted=True,
    ),
    Configuration(
        "hosted",
        "ears and voice of Deepgram's protocol, a mind of OpenAI's: everything hosted",
        agent={
            "prompt": "You are the receptionist of Rossi and Sons.",
            "ears": {"provider": "ears"},
            "brain": {"provider": "mind"},
            "voice": {"provider": "voice"},
            **_SILENCE,
        },
        providers={
            "ears": {"kind": "deepgram", "base_url": "{deepgram}", **_KEY},
            "mind": {"kind": "openai", "model": "local", "base_url": "{openai}", **_KEY},
            "voice": {
                **{"kind": "deepgram", "model": "aura-2-thalia-en"},
                **{"base_url": "{deepgram}", **_KEY},
            },
        },
        hosted=True,
    ),
    Configuration(
        "realtime",
        "a speech-to-speech model of OpenAI's Realtime protocol over WebSocket",
        agent={
            "prompt": "You are the receptionist of Rossi and Sons.",
            "brain": {"provider": "speaking"},
            "voice": {"provider": "instant"},
            **_SILENCE,
        },
        providers={
            "speaking": {
                **{"kind": "openai-realtime", "model": "local", "base_url": "{realtime}"},
                **_KEY,
            }
        },
        hosted=True,
    ),
    Configuration(
        "recording",
        "as `talk`, with a stereo recording of the whole call",
        agent=_INSTANT,
        steps=("answer", {"record_call": {"stereo": True}}, *_TALK[1:]),
    ),
    Configuration(
        "bridged",
        "two people put through to each other: no agent, two legs",
        steps=("answer", {"connect": {"to": "{callee}"}}, "hangup"),
        more={"policy": {"destinations": ["{callee}"]}},
        legs=2,
        turns=False,
    ),
    Configuration(
        "echo",
        "an agent that says back what it hears: the media path alone",
        agent={"brain": {"provider": "echo"}, **_SILENCE},
        turns=False,
    ),
)
CONFIGURATIONS: Mapping[str, Configuration] = {one.name: one for one in _ALL}
ANSWER = _ANSWER
