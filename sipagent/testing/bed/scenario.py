"""Scenario: what a scripted caller does in one call, as data; YAML that a user can write."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from sipagent.agent.parts import Part, Words
from sipagent.agent.protocols import Awaited
from sipagent.errors import ConfigError
from sipagent.sources import read

#: what is not speech: made by `sounds.py`
SoundName = Literal["cough", "throat", "laugh", "sigh", "breath", "click", "door"]
NoiseColour = Literal["white", "pink", "babble"]
#: `answered`: the agent answers, and not before the caller is done; `yielded`: it gives up what it
#: says; `resumed`: it goes on, at once or after a pause, without a lost word; `asked`: it speaks
#: first, since the caller does not
Expects = Literal["answered", "yielded", "resumed", "asked"]
#: the agent must have spoken for at least, and at most, so long when the caller talks over it
_OVER_MS = (800, 2000)


class Noise(Part):
    """What is heard of the caller's surroundings all the time, under their voice."""

    kind: NoiseColour = "babble"
    snr_db: float = Field(default=20.0, ge=-10, le=60, description="speech over noise, dB")


class Echo(Part):
    """What comes back of the agent's own voice."""

    level_db: float = Field(default=-20.0, ge=-60, le=0, description="against what was heard")
    delay_ms: int = Field(default=120, ge=0, le=1000, multiple_of=20)


class Line(Part):
    """One thing the caller does: says a text, plays a file, makes a sound, or nothing.

    In `say` a number in square brackets is a pause in ms: "it is 4 9 3 [900] 7 7".
    """

    say: str = ""
    prompt: str = Field(default="", description="one of Debian's recorded prompts, by its name")
    wav: Path | None = Field(default=None, description="16-bit, 8 kHz")
    words: str = Field(default="", description="what is said in `wav`")
    sound: SoundName | None = None
    voice: str = Field(default="", description="of espeak-ng; else the scenario's voices in turn")
    gain_db: float = Field(default=0.0, ge=-40, le=20)

    @model_validator(mode="after")
    def _one(self) -> "Line":
        given = [name for name in ("say", "prompt", "wav", "sound") if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are two things: a line is one")
        return self


def _line(value: Any) -> Any:
    return {"say": value} if isinstance(value, str) else value


class Scenario(Part):
    """A call. The lines are gone through `times` times over, each at its turn or, where it expects
    `yielded` or `resumed`, while the agent speaks.
    """

    name: str
    kind: str = Field(default="", description="the row of the report; else the name")
    expects: Expects = "answered"
    lines: tuple[Annotated[Line, BeforeValidator(_line)], ...] = (Line(),)
    times: int = Field(default=1, ge=1)
    seed: int = 1
    voices: Words = ("en-us+f2",)
    noise: Noise | None = None
    echo: Echo | None = None
    says: str = Field(
        default="",
        description="what the bed's mind answers to everything, and begins with to be talked over",
    )
    awaits: Awaited = Field(default="speech", description="what the bed's mind waits for")
    at_ms: tuple[int, int] = Field(
        default=_OVER_MS, description="the agent has spoken for, when it is talked over"
    )
    hold_ms: int = Field(default=0, ge=0, description="length of a line that says nothing")
    partial_ms: int = Field(
        default=200, ge=0, le=3000, description="how late the bed's ears know a word"
    )
    patience_ms: int = Field(default=4000, ge=500, description="until the agent has not answered")

    @property
    def row(self) -> str:
        """Under which name its trials are counted."""
        return self.kind or self.name

    @property
    def over(self) -> bool:
        """True where the caller acts while the agent speaks."""
        return self.expects in ("yielded", "resumed")


class Script(Part):
    """A file of scenarios."""

    scenarios: tuple[Scenario, ...] = Field(min_length=1)


def load_scenarios(path: Path) -> tuple[Scenario, ...]:
    """Scenarios from a YAML file; files they name are looked for beside it.

    Raises ConfigError with file, line and key of every mistake.
    """
    source = read(path)
    try:
        script = Script.model_validate(source.data)
    except ValidationError as error:
        raise ConfigError(source.findings(error, Script, ())) from error
    missing = [
        source.finding(("scenarios", number, "lines", place, "wav"), f"{line.wav} is not there")
        for number, scenario in enumerate(script.scenarios)
        for place, line in enumerate(scenario.lines)
        if line.wav is not None and not (path.parent / line.wav).is_file()
    ]
    if missing:
        raise ConfigError(missing)
    return tuple(_beside(scenario, path.parent) for scenario in script.scenarios)


def _beside(scenario: Scenario, folder: Path) -> Scenario:
    lines = tuple(
        line if line.wav is None else line.model_copy(update={"wav": folder / line.wav})
        for line in scenario.lines
    )
    return scenario.model_copy(update={"lines": lines})
