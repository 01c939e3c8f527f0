"""piper, faster-whisper and vosk: what can be shown without a model.

The engines here are stand-ins of the packages' classes, but for one toy voice that the real piper
speaks where it is installed. None of it was tried with a real model.
"""

import json
import struct
import sys
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from sipagent.agent.protocols import Connected, Expectation, Transcript
from sipagent.agent.streams import closing
from sipagent.config import Settings
from sipagent.errors import ProviderError
from sipagent.providers.registry import EARS, MOUTHS, late_kinds
from sipagent.providers.vendors import extras
from sipagent.testing.vendors.sounds import pitch_of, tone

Do = Callable[..., Any]
KINDS = (
    (MOUTHS, "piper", "piper", "piper"),
    (EARS, "faster_whisper", "faster_whisper", "whisper"),
    (EARS, "vosk", "vosk", "vosk"),
)


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> Iterator[Do]:
    """`package("vosk", Model=...)`: a stand-in of a package, with these names in it."""

    def stand_in(name: str, **names: Any) -> None:
        module = types.ModuleType(name)
        module.__spec__ = types.SimpleNamespace(name=name)  # type: ignore[assignment]
        module.__dict__.update(names)
        monkeypatch.setitem(sys.modules, name, module)
        engine = f"sipagent.providers.vendors.{name}_engine"
        monkeypatch.delitem(sys.modules, engine, raising=False)

    yield stand_in
    for name in ("piper", "faster_whisper", "vosk"):
        sys.modules.pop(f"sipagent.providers.vendors.{name}_engine", None)


@pytest.mark.parametrize(("makers", "kind", "package_name", "extra"), KINDS)
def test_a_package_that_is_missing_is_named_with_its_extra(
    make: Do,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    makers: Any,
    kind: str,
    package_name: str,
    extra: str,
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(ProviderError) as failed:
        make(makers, kind, model=str(tmp_path))
    assert failed.value.cause == (
        f'{package_name} is not installed: pip install "sipagent[{extra}]"'
    )
    assert not failed.value.retryable


@pytest.mark.parametrize(("makers", "kind", "package_name", "extra"), KINDS)
def test_a_model_that_is_not_there_is_named(
    make: Do, package: Do, tmp_path: Path, makers: Any, kind: str, package_name: str, extra: str
) -> None:
    package(package_name)
    with pytest.raises(ProviderError, match=f"model: there is no .* {tmp_path}/gone"):
        make(makers, kind, model=str(tmp_path / "gone"))


def test_a_voice_without_its_configuration_is_told_so(
    make: Do, package: Do, tmp_path: Path
) -> None:
    package("piper")
    (tmp_path / "amy.onnx").write_bytes(b"")
    with pytest.raises(ProviderError, match=r"there is no file .*amy\.onnx\.json"):
        make(MOUTHS, "piper", model=str(tmp_path / "amy.onnx"))


# piper


class _Chunk:
    sample_rate = 22_050

    def __init__(self, ms: int) -> None:
        self.audio_int16_bytes = tone(440.0, ms, 22_050)


class _Voice:
    """A PiperVoice; notes the thread it speaks in."""

    threads: ClassVar[list[int]] = []
    spoken: ClassVar[list[str]] = []

    @staticmethod
    def load(path: Path) -> "_Voice":
        return _Voice()

    def synthesize(self, text: str, config: Any) -> Iterator[_Chunk]:
        self.threads.append(threading.get_ident())
        for sentence in text.split("|"):
            if sentence == "fail":
                raise RuntimeError("no such phoneme")
            self.spoken.append(sentence)
            yield _Chunk(300)


@pytest.fixture
def voice(tmp_path: Path, package: Do) -> Path:
    """The file of a voice that the stand-in speaks."""
    _Voice.threads.clear()
    _Voice.spoken.clear()
    package("piper", PiperVoice=_Voice, SynthesisConfig=types.SimpleNamespace)
    path = tmp_path / "amy.onnx"
    path.write_bytes(b"")
    Path(f"{path}.json").write_text("{}")
    return path


async def test_piper_speaks_at_the_rate_of_the_call_and_off_the_loop(
    make: Do, say: Do, voice: Path
) -> None:
    mouth = make(MOUTHS, "piper", model=str(voice))
    assert isinstance(mouth, Connected)
    await mouth.warm()
    pcm = await say(mouth, "one|two")
    assert len(pcm) == pytest.approx(2 * 8000 * 0.6, abs=8)
    assert pitch_of(pcm, 8000) == pytest.approx(440, abs=3)
    assert threading.get_ident() not in _Voice.threads


async def test_speech_of_piper_that_is_stopped_makes_no_more(make: Do, voice: Path) -> None:
    mouth = make(MOUTHS, "piper", model=str(voice))
    async with closing(mouth.synthesize("|".join(["word"] * 100))) as chunks:
        assert await anext(chunks)
    made = len(_Voice.spoken)
    assert made < 20
    await mouth.aclose()


async def test_a_failure_of_piper_is_a_failure_of_its_provider(
    make: Do, say: Do, voice: Path
) -> None:
    with pytest.raises(ProviderError, match="speech: piper failed: no such phoneme"):
        await say(make(MOUTHS, "piper", model=str(voice)), "one|fail")


# faster-whisper


class _Whisper:
    """A WhisperModel that hears how long the audio is, and notes how it was asked."""

    asked: ClassVar[list[dict[str, Any]]] = []

    def __init__(self, path: str, **options: Any) -> None:
        if "broken" in path:
            raise RuntimeError("unsupported model binary version")
        assert options["local_files_only"]

    def transcribe(self, samples: Any, **asked: Any) -> tuple[Iterator[Any], None]:
        self.asked.append(asked)
        assert samples.dtype == np.float32
        words = (f" {len(samples) / 16:.0f}", "ms ")
        return iter([types.SimpleNamespace(text=word) for word in words]), None


@pytest.fixture
def whisper(tmp_path: Path, package: Do) -> Path:
    """The folder of a model that the stand-in hears with."""
    _Whisper.asked.clear()
    package("faster_whisper", WhisperModel=_Whisper)
    (tmp_path / "model.bin").write_bytes(b"")
    return tmp_path


async def test_whisper_hears_whole_utterances_at_its_own_rate(
    make: Do, hear: Do, whisper: Path
) -> None:
    ears = make(EARS, "faster_whisper", model=str(whisper))
    await ears.warm()
    heard = await hear(ears, Expectation(("sales",), language="es-ES"), ms=400)
    assert heard == [Transcript("400 ms", final=True)]
    [asked] = _Whisper.asked
    assert (asked["language"], asked["hotwords"]) == ("es", "Rossi, SIP, sales")


async def test_a_model_that_cannot_be_loaded_says_why(
    make: Do, hear: Do, package: Do, tmp_path: Path
) -> None:
    package("faster_whisper", WhisperModel=_Whisper)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "model.bin").write_bytes(b"")
    ears = make(EARS, "faster_whisper", model=str(broken))
    await ears.warm()
    with pytest.raises(ProviderError, match="cannot be loaded: unsupported model binary version"):
        await hear(ears)


# vosk


class _Recognizer:
    """A KaldiRecognizer that hears a word every 200 ms, and a pause after every second one."""

    grammars: ClassVar[list[str]] = []

    def __init__(self, model: Any, rate: int, grammar: str = "") -> None:
        self.grammars.append(grammar)
        self._size = rate // 5 * 2
        self._words: list[str] = []
        self._count = 0

    def AcceptWaveform(self, pcm: bytes) -> int:  # noqa: N802 - vosk's name
        assert len(pcm) <= self._size
        self._count += 1
        self._words.append(f"w{self._count}")
        return int(len(self._words) == 2)

    def Result(self) -> str:  # noqa: N802
        words, self._words = self._words, []
        return json.dumps({"text": " ".join(words)})

    def PartialResult(self) -> str:  # noqa: N802
        return json.dumps({"partial": " ".join(self._words)})

    FinalResult = Result


@pytest.fixture
def kaldi(tmp_path: Path, package: Do) -> Path:
    """The folder of a model that the stand-in hears with."""
    _Recognizer.grammars.clear()
    package(
        "vosk",
        Model=lambda model_path: object(),
        KaldiRecognizer=_Recognizer,
        SetLogLevel=lambda level: None,
    )
    return tmp_path


async def test_vosk_hears_while_it_is_spoken(make: Do, hear: Do, kaldi: Path) -> None:
    heard = await hear(make(EARS, "vosk", model=str(kaldi)), Expectation(("sales",)), ms=600)
    assert [(t.text, t.final) for t in heard] == [
        ("w1", False),
        ("w1 w2", False),
        ("w1 w2 w3", False),
        ("w1 w2 w3", True),
    ]
    assert _Recognizer.grammars == [""]


async def test_vosk_hears_expected_phrases_alone_where_it_is_told_to(
    make: Do, hear: Do, kaldi: Path
) -> None:
    ears = make(EARS, "vosk", model=str(kaldi), grammar=True)
    await hear(ears, Expectation(("Sales please",)), ms=100)
    assert _Recognizer.grammars == ['["sales please", "[unk]"]']


# the real packages, without a model


@pytest.mark.parametrize(
    ("kind", "cause"),
    [("vosk", "Failed to create a model"), ("faster_whisper", "model")],
)
async def test_the_real_packages_say_why_a_model_cannot_be_loaded(
    make: Do, hear: Do, tmp_path: Path, kind: str, cause: str
) -> None:
    pytest.importorskip(kind)
    (tmp_path / "model.bin").write_bytes(b"no model")
    with pytest.raises(ProviderError, match=f"cannot be loaded: .*{cause}"):
        await hear(make(EARS, kind, model=str(tmp_path)))


# the real piper, with a voice that hums


def _field(number: int, value: bytes | int | str) -> bytes:
    """A field of a protocol buffer."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _node(kind: str, inputs: tuple[str, ...], output: str, attributes: bytes = b"") -> bytes:
    named = b"".join(_field(1, name) for name in inputs)
    return _field(1, named + _field(2, output) + _field(4, kind) + attributes)


def _value(number: int, name: str, kind: int, *shape: str) -> bytes:
    dims = b"".join(_field(1, _field(2, size)) for size in shape)
    tensor = _field(1, kind) + _field(2, dims)
    return _field(number, _field(1, name) + _field(2, _field(1, tensor)))


def toy_voice() -> bytes:
    """An ONNX model with a voice's inputs and output: 400 samples for each phoneme."""
    to_float = _field(5, _field(1, "to") + _field(3, 1) + _field(20, 2))
    repeats = _field(1, 2) + _field(2, 7) + _field(8, "r") + _field(9, struct.pack("<2q", 1, 400))
    graph = (
        _node("Cast", ("input",), "f", to_float)
        + _node("Tile", ("f", "r"), "t")
        + _node("Sin", ("t",), "output")
        + _field(2, "toy")
        + _field(5, repeats)
        + _value(11, "input", 7, "one", "phonemes")
        + _value(11, "input_lengths", 7, "one")
        + _value(11, "scales", 1, "three")
        + _value(12, "output", 1, "one", "samples")
    )
    return _field(1, 8) + _field(7, graph) + _field(8, _field(1, "") + _field(2, 13))


async def test_the_real_piper_speaks_through_us(make: Do, say: Do, tmp_path: Path) -> None:
    pytest.importorskip("piper")
    path = tmp_path / "toy.onnx"
    path.write_bytes(toy_voice())
    symbols = "_^$ abcdefghijklmnopqrstuvwxyzæðŋɐɑɔəɛɜɡɪɹʃʊʌʒˈˌː"
    config = {
        "audio": {"sample_rate": 16_000},
        "espeak": {"voice": "en-us"},
        "num_symbols": len(symbols),
        "num_speakers": 1,
        "phoneme_id_map": {symbol: [place] for place, symbol in enumerate(symbols)},
        "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
    }
    Path(f"{path}.json").write_text(json.dumps(config))
    mouth = make(MOUTHS, "piper", rate=16_000, model=str(path))
    pcm = await say(mouth, "Hello there.")
    assert len(pcm) > 0 and len(pcm) % 800 == 0
    assert np.abs(np.frombuffer(pcm, "<i2")).max() > 10_000


def test_a_plan_that_only_has_a_name_like_an_engines_in_it_does_not_stop_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    kinds = late_kinds(Settings(), [b"# piper, vosk and faster_whisper"])
    assert len(kinds) == 3
    for kind in kinds:
        kind.preload()
