"""A call as one zip: what is in it, what can be left out, and which zips are refused."""

import hashlib
import json
import wave
import zipfile
from pathlib import Path

import pytest

from sipagent.call.redaction.rules import BUILT_IN
from sipagent.events import CallStarted, DigitReceived, Event, Said, SipMessage
from sipagent.store.archive import BadArchive, Wish, pieces, read_archive, write_archive
from sipagent.store.began import Began, write_began
from sipagent.store.bundle import write_bundle

DOCUMENT = {
    "sections": {"main": ["answer", {"ai": {"agent": "reception"}}]},
    "functions": {"web_hook_url": "https://user:hush@pbx.example/swaig", "api_key": "sk-hush"},
    "secret": "pin",
}


@pytest.fixture
def folder(tmp_path: Path, busy_call: list[Event]) -> Path:
    """What a call leaves behind; the sound is a second of silence."""
    made = tmp_path / "call"
    made.mkdir()
    with wave.open(str(made / "recording.wav"), "wb") as sound:
        sound.setparams((2, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(32_000))
    write_bundle(made, busy_call)
    call_id = busy_call[0].call_id
    write_began(made, Began(call_id=call_id, name="reception", file="r.yaml", document=DOCUMENT))
    told = '{"t": 123456, "answer": "call 020 7183 8750", "arguments": {"card": 4111111111111111}}'
    (made / "models.jsonl").write_text(f'{told}\n{{"ha')
    return made


def written(folder: Path, events: list[Event], wish: Wish | None = None) -> Path:
    """Its zip."""
    path = folder.parent / "call.zip"
    write_archive(path, folder, events, wish)
    return path


def rewritten(path: Path, **changed: bytes | None) -> Path:
    """The zip with other content in some files; None leaves one out."""
    with zipfile.ZipFile(path) as old:
        content: dict[str, bytes | None] = {name: old.read(name) for name in old.namelist()}
    content |= {name.replace("__", "."): data for name, data in changed.items()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in content.items():
            if data is not None:
                new.writestr(name, data)
    return path


def test_the_zip_of_a_call_holds_everything_and_reads_back(
    folder: Path, busy_call: list[Event]
) -> None:
    archive = read_archive(written(folder, busy_call))
    assert archive.bundle.events == tuple(busy_call)
    assert {filed.name for filed in archive.index.files} == {
        "call.json", "events.jsonl", "models.jsonl", "plan.json", "recording.wav", "sip.txt",
        "timeline.svg",
    }  # fmt: skip
    assert archive.audio("recording.wav") == (folder / "recording.wav").read_bytes()
    assert archive.began is not None
    assert archive.began.document["sections"] == DOCUMENT["sections"]
    assert len(archive.texts["events.jsonl"].splitlines()) == len(busy_call)
    assert archive.texts["timeline.svg"] == (folder / "timeline.svg").read_bytes()
    archive.extract(folder.parent / "out")
    assert (folder.parent / "out" / "models.jsonl").read_bytes() == archive.texts["models.jsonl"]


def test_the_ladder_shows_who_sent_what_to_whom(folder: Path, busy_call: list[Event]) -> None:
    lines = read_archive(written(folder, busy_call)).texts["sip.txt"].decode().splitlines()
    assert lines[0] == "dialog 1: d1"
    invite = next(line for line in lines if "INVITE sip:100@" in line)
    assert invite.startswith("  1      -0.004 s")
    assert invite.index("|-") < invite.index("INVITE") < invite.index("->|")
    trying = next(line for line in lines if "100 Trying" in line)
    assert "|<-" in trying
    assert max(map(len, lines)) < 200


def test_credentials_in_the_plan_are_masked(folder: Path, busy_call: list[Event]) -> None:
    archive = read_archive(written(folder, busy_call))
    assert b"hush" not in b"".join(archive.texts.values())
    assert archive.began is not None
    assert archive.began.document["secret"] == "pin"  # the name of what is asked for


def test_what_is_left_out_is_nowhere_in_the_zip(folder: Path, busy_call: list[Event]) -> None:
    wish = Wish(pieces("audio, transcript,sip,models,plan"))
    archive = read_archive(written(folder, busy_call, wish))
    assert set(archive.texts) == {"call.json", "events.jsonl", "timeline.svg"}
    assert archive.recordings == ()
    said = [e for e in busy_call if isinstance(e, Said)]
    everything = b"".join(archive.texts.values()).decode()
    assert not [e.text for e in said if e.text in everything]
    assert not [e for e in archive.bundle.events if isinstance(e, SipMessage)]
    assert len([e for e in archive.bundle.events if isinstance(e, Said)]) == len(said)
    assert archive.index.without == ("audio", "models", "plan", "sip", "transcript")


def test_a_redacted_zip_has_no_number_no_key_and_no_sound(
    folder: Path, busy_call: list[Event]
) -> None:
    text = "my number is oh two oh seven one eight three eight seven five oh"
    number = Said(call_id=busy_call[0].call_id, speaker="caller", text=text, start=0, end=9)
    events = [*busy_call[:-1], number, busy_call[-1]]
    archive = read_archive(written(folder, events, Wish.of((), (), redact=True)))
    assert archive.recordings == ()
    heard = [e.text for e in archive.bundle.events if isinstance(e, Said)]
    assert "my number is [phone number]" in heard
    keys = [e for e in archive.bundle.events if isinstance(e, DigitReceived)]
    assert keys
    assert all(key.hidden and not key.digit for key in keys)
    assert archive.index.redacted == BUILT_IN
    models = [json.loads(line) for line in archive.texts["models.jsonl"].splitlines()]
    (answer,) = models
    assert (answer["t"], answer["answer"]) == (123456, "call [phone number]")
    assert answer["arguments"] == {"card": "[card number]"}


def test_a_recording_that_lies_elsewhere_is_not_packed(
    folder: Path, busy_call: list[Event]
) -> None:
    (folder.parent / "secret.wav").write_bytes(b"not of this call")
    (folder / "link.wav").symlink_to(folder.parent / "secret.wav")
    started = next(e for e in busy_call if e.type == "recording_started")
    odd = [started.model_copy(update={"path": p}) for p in ("../secret.wav", "link.wav")]
    archive = read_archive(written(folder, [*busy_call, *odd]))
    assert archive.recordings == ("recording.wav",)


def test_a_call_from_before_plans_were_kept_can_be_packed(
    tmp_path: Path, busy_call: list[Event]
) -> None:
    archive = read_archive(written(tmp_path / "none", busy_call))
    assert (archive.began, archive.recordings) == (None, ())


def test_a_zip_that_cannot_be_written_leaves_nothing_half(
    folder: Path, busy_call: list[Event]
) -> None:
    (folder.parent / "call.zip").mkdir()
    with pytest.raises(OSError, match=r"call\.zip"):
        written(folder, busy_call)
    assert [p.name for p in folder.parent.iterdir() if p.name.startswith(".")] == []
    with pytest.raises(ValueError, match="without events"):
        write_archive(folder / "x.zip", folder, [])


def test_what_was_changed_is_noticed(folder: Path, busy_call: list[Event]) -> None:
    path = rewritten(written(folder, busy_call), plan__json=b"{}")
    with pytest.raises(BadArchive, match=r"plan\.json is not as it was written.*checksum"):
        read_archive(path)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"index__json": None}, "has no index.json: it is not the bundle of a call"),
        ({"sip__txt": None}, "has no sip.txt, which its index names"),
        ({"more__txt": b"x"}, "has more.txt, which its index does not name"),
        ({"index__json": b'{"version": 2}'}, "a newer sipagent may have written it"),
        ({"../evil__sh": b"x"}, "'../evil.sh' is not a plain file name"),
        ({"/etc/passwd": b"x"}, "not a plain file name"),
        ({"C:evil": b"x"}, "not a plain file name"),
    ],
)
def test_a_strange_zip_is_refused_with_the_reason(
    folder: Path, busy_call: list[Event], changed: dict[str, bytes | None], why: str
) -> None:
    path = rewritten(written(folder, busy_call), **changed)
    with pytest.raises(BadArchive) as refused:
        read_archive(path)
    assert why in str(refused.value)


def test_a_bomb_is_refused_before_it_is_unpacked(folder: Path, busy_call: list[Event]) -> None:
    path = written(folder, busy_call)
    with pytest.raises(BadArchive, match=r"would unpack to .* bytes; at most 10,000 are taken"):
        read_archive(path, most=10_000)
    rewritten(path, big__json=bytes(65 << 20))
    with pytest.raises(BadArchive, match=r"big\.json would unpack to"):
        read_archive(path)


def test_a_bomb_that_lies_about_its_size_unpacks_no_further_than_it_said(
    folder: Path, busy_call: list[Event]
) -> None:
    path = rewritten(written(folder, busy_call), models__jsonl=bytes(1_000_000))
    content = path.read_bytes()
    lie = content.replace((1_000_000).to_bytes(4, "little"), (50).to_bytes(4, "little"))
    assert lie != content
    path.write_bytes(lie)
    with pytest.raises(BadArchive, match=r"models\.jsonl|cannot be read|Bad CRC"):
        read_archive(path)


def test_half_a_zip_and_none_are_refused(folder: Path, busy_call: list[Event]) -> None:
    path = written(folder, busy_call)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(BadArchive, match="not a zip that can be read"):
        read_archive(path)
    path.write_bytes(b"")
    with pytest.raises(BadArchive, match="not a zip"):
        read_archive(path)


def test_files_in_the_zip_have_the_checksums_of_its_index(
    folder: Path, busy_call: list[Event]
) -> None:
    path = written(folder, busy_call)
    index = read_archive(path).index
    with zipfile.ZipFile(path) as packed:
        for filed in index.files:
            data = packed.read(filed.name)
            assert (len(data), hashlib.sha256(data).hexdigest()) == (filed.bytes, filed.sha256)
    assert index.software.startswith("sipagent ")
    began = next(e for e in busy_call if isinstance(e, CallStarted))
    assert index.call_id == began.call_id
