"""Whatever can be played: made, from disk, and from the web, with what is refused."""

import threading
import time
import wave
from collections.abc import AsyncIterator, Iterator
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
import pytest

from sipagent.agent.protocols import OWN_TONGUE, Synthesizer, Tongue
from sipagent.call.web import NoWeb
from sipagent.config import Web
from sipagent.errors import CallError, PlanError, ProviderError
from sipagent.providers.decoding import SoundError
from sipagent.providers.espeak import EspeakMouth
from sipagent.providers.fetching import Fetcher
from sipagent.providers.sounds import SoundLibrary
from sipagent.providers.web.client import HttpWeb

LOCAL = "127.0.0.1"


def mouths(rate: int, voice: str | None) -> Synthesizer:
    return EspeakMouth(rate, voice or "en-us")


def hum(seconds: float, rate: int, channels: int = 1) -> bytes:
    """1 kHz at a tenth of full scale; the second channel is silent."""
    wave_ = np.sin(2 * np.pi * 1000 * np.arange(int(seconds * rate)) / rate) * 3277
    frames = np.zeros((len(wave_), channels))
    frames[:, 0] = wave_
    return frames.astype("<i2").tobytes()


def write_wav(path: Path, seconds: float = 1.0, rate: int = 44_100, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(hum(seconds, rate, channels))
    return path


def write_coded(path: Path, codec: str, layout: str = "mono") -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=48_000)
        assert isinstance(stream, av.AudioStream)
        stream.layout = layout
        samples = np.frombuffer(hum(1.0, 48_000), dtype="<i2").reshape(1, -1)
        resampler = av.AudioResampler(format=stream.format, layout=layout, rate=48_000)
        for start in range(0, samples.shape[1], 960):
            part = np.ascontiguousarray(samples[:, start : start + 960])
            frame = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
            frame.sample_rate = 48_000
            frame.pts, frame.time_base = start, Fraction(1, 48_000)
            for ready in resampler.resample(frame):
                container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
    return path


async def loaded(
    library: SoundLibrary, url: str, rate: int = 8000, volume: float = 0
) -> np.ndarray:
    chunks = [chunk async for chunk in library.load(url, rate=rate, volume=volume)]
    return np.frombuffer(b"".join(chunks), dtype="<i2").astype(float)


def pitch(samples: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.argmax(spectrum) * rate / len(samples))


@pytest.fixture
def library(tmp_path: Path) -> SoundLibrary:
    (tmp_path / "plan").mkdir()
    return SoundLibrary(tmp_path / "plan", mouths, Fetcher(HttpWeb(Web())))


@pytest.mark.parametrize("rate", [8000, 16_000])
@pytest.mark.parametrize(
    ("url", "seconds"),
    [
        ("silence:1.5", 1.5),
        ("silence:0", 0),
        ("ring:us", 6.0),
        ("ring:7.5:GB", 7.5),
        ("ring:2:it", 2.0),
        ("tone:1000", 0.2),
        ("tone:770+1336:0.5", 0.5),
    ],
)
async def test_made_sounds_last_as_long_as_asked(
    library: SoundLibrary, url: str, seconds: float, rate: int
) -> None:
    assert len(await loaded(library, url, rate)) == seconds * rate


async def test_ringback_has_its_country_s_cadence(library: SoundLibrary) -> None:
    power = (await loaded(library, "ring:uk")).reshape(-1, 800).std(axis=1) > 100
    assert list(np.flatnonzero(np.diff(power.astype(int))) + 1) == [4, 6, 10]


@pytest.mark.parametrize(
    "url",
    [
        "ring:atlantis",
        "ring:x:us",
        "silence:",
        "silence:-1",
        "silence:nan",
        "tone:high",
        "tone:9e9",
    ],
)
async def test_a_made_sound_written_wrongly_is_the_plan_s_mistake(
    library: SoundLibrary, url: str
) -> None:
    with pytest.raises(PlanError):
        await loaded(library, url)


async def test_words_are_spoken(library: SoundLibrary) -> None:
    assert len(await loaded(library, "say:Hello: how are you?")) > 4000


async def test_a_voice_nobody_has_fails_the_sound(library: SoundLibrary) -> None:
    with pytest.raises(CallError, match="unknown voice"):
        async for _ in library.load("say:hi", rate=8000, voice="zz"):
            pass


async def test_a_failing_mouth_fails_the_sound(tmp_path: Path) -> None:
    class Mute:
        async def synthesize(self, text: str, tongue: Tongue = OWN_TONGUE) -> AsyncIterator[bytes]:
            yield b"\0\0"
            raise ProviderError("mute", text)

    library = SoundLibrary(tmp_path, lambda _rate, _voice: Mute(), Fetcher(NoWeb()))
    with pytest.raises(CallError, match="mute: hello"):
        await loaded(library, "say:hello")


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp3", "libmp3lame"), ("a.ogg", "libopus"), ("a.flac", "flac")]
)
async def test_coded_files_are_decoded(
    library: SoundLibrary, tmp_path: Path, name: str, codec: str
) -> None:
    write_coded(tmp_path / "plan" / name, codec)
    samples = await loaded(library, name)
    assert len(samples) / 8000 == pytest.approx(1.0, abs=0.1)
    assert pitch(samples[800:7200], 8000) == pytest.approx(1000, abs=10)
    assert samples[800:7200].std() == pytest.approx(3277 / np.sqrt(2), rel=0.1)


@pytest.mark.parametrize("channels", [1, 2])
async def test_a_wav_file_comes_mono_at_the_rate_asked(
    library: SoundLibrary, tmp_path: Path, channels: int
) -> None:
    write_wav(tmp_path / "plan" / "a.wav", channels=channels)
    samples = await loaded(library, "a.wav", 16_000)
    assert len(samples) == pytest.approx(16_000, abs=8)
    assert pitch(samples, 16_000) == pytest.approx(1000, abs=2)
    assert samples.std() == pytest.approx(3277 / np.sqrt(2) / channels, rel=0.05)


async def test_volume_is_in_decibels(library: SoundLibrary, tmp_path: Path) -> None:
    write_wav(tmp_path / "plan" / "a.wav")
    plain = await loaded(library, "a.wav")
    quiet = await loaded(library, "a.wav", volume=-20)
    assert plain.std() / quiet.std() == pytest.approx(10, rel=0.05)
    with pytest.raises(PlanError, match="volume"):
        await loaded(library, "a.wav", volume=90)


async def test_a_changed_file_is_read_again(library: SoundLibrary, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "plan" / "a.wav", seconds=1)
    first = await loaded(library, "a.wav")
    assert np.array_equal(await loaded(library, "a.wav"), first)
    write_wav(path, seconds=2)
    assert len(await loaded(library, "a.wav")) == 2 * len(first)


@pytest.mark.parametrize("how", ["../secret.wav", "absolute", "file", "link"])
async def test_files_outside_the_plan_s_folder_are_refused(tmp_path: Path, how: str) -> None:
    secret = write_wav(tmp_path / "secret.wav")
    plan = tmp_path / "plan"
    plan.mkdir()
    (plan / "link.wav").symlink_to(secret)
    url = {"absolute": str(secret), "file": f"file://{secret}", "link": "link.wav"}.get(how, how)
    with pytest.raises(PlanError, match="outside"):
        await loaded(SoundLibrary(plan, mouths, Fetcher(NoWeb())), url)
    shared = SoundLibrary(plan, mouths, Fetcher(NoWeb()), shared=[tmp_path])
    assert len(await loaded(shared, url)) > 7000


@pytest.mark.parametrize("content", [None, b"", b"not a sound at all", b"RIFF\xff\xff\xff\xffWAVE"])
async def test_a_file_that_is_no_sound_says_so(
    library: SoundLibrary, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "plan" / "a.wav").write_bytes(content)
    with pytest.raises(SoundError, match=r"a\.wav"):
        await loaded(library, "a.wav")


class Handler(BaseHTTPRequestHandler):
    """A sound server with every habit that needs a bound."""

    body = b""

    def do_GET(self) -> None:
        if self.path.startswith("/to/"):
            self._head(302, "text/plain", location=self.path.removeprefix("/to"))
        elif self.path == "/loop":
            self._head(302, "text/plain", location="/loop")
        elif self.path == "/page":
            self._head(200, "text/html; charset=utf-8", b"<html>")
        elif self.path == "/large":
            self._head(200, "audio/wav", self.body * 4)
        elif self.path == "/slow":
            time.sleep(1)
            self._head(200, "audio/wav", self.body)
        elif self.path == "/inside":
            self._head(302, "text/plain", location="http://10.1.2.3/a.wav")
        elif self.path == "/a.wav":
            self._head(200, "audio/wav", self.body)
        else:
            self._head(404, "text/plain")

    def _head(self, status: int, kind: str, body: bytes = b"", location: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    Handler.body = write_wav(tmp_path / "served.wav").read_bytes()
    with ThreadingHTTPServer((LOCAL, 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://{LOCAL}:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


@pytest.fixture
def web(tmp_path: Path) -> SoundLibrary:
    fetcher = Fetcher(HttpWeb(Web(allow=(LOCAL,))), max_bytes=200_000, seconds=0.5)
    return SoundLibrary(tmp_path, mouths, fetcher)


@pytest.mark.parametrize("path", ["/a.wav", "/to/a.wav", "/to/to/to/a.wav"])
async def test_a_sound_is_fetched_through_a_few_redirects(
    web: SoundLibrary, server: str, path: str
) -> None:
    assert pitch(await loaded(web, server + path), 8000) == pytest.approx(1000, abs=2)


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("/to/to/to/to/a.wav", "redirects"),
        ("/loop", "redirects"),
        ("/page", "text/html is not audio"),
        ("/large", "larger than 200000 bytes"),
        ("/slow", "not there within 0.5 s"),
        ("/missing", "answered 404"),
        ("/inside", "10.1.2.3 is not a public address"),
    ],
)
async def test_a_fetch_is_bounded_and_says_what_stopped_it(
    web: SoundLibrary, server: str, path: str, cause: str
) -> None:
    with pytest.raises(SoundError, match=cause):
        await loaded(web, server + path)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:1/a.wav",
        "http://127.0.0.1:1/a.wav",
        "http://2130706433/a.wav",
        "http://0.0.0.0/a.wav",
        "http://[::1]/a.wav",
        "http://[::ffff:127.0.0.1]/a.wav",
        "http://169.254.169.254/latest/meta-data",
        "http://192.168.1.1/a.wav",
        "http://user@10.0.0.1/a.wav",
    ],
)
async def test_addresses_inside_the_house_are_refused(library: SoundLibrary, url: str) -> None:
    with pytest.raises(SoundError, match="not a public address"):
        await loaded(library, url)


@pytest.mark.parametrize("url", ["http://", "https:///a.wav", "http://[::1/a.wav"])
async def test_an_address_that_is_none_says_so(library: SoundLibrary, url: str) -> None:
    with pytest.raises(SoundError):
        await loaded(library, url)
