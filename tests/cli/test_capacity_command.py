"""`sipagent capacity`: what it reckons is what docs/capacity.md says."""

from pathlib import Path

from sipagent.testing.program import Run

DOCUMENT = Path(__file__).parents[2] / "docs" / "capacity.md"


def test_a_million_calls_a_day_as_the_document_says(run: Run) -> None:
    ran = run("capacity", "--calls-per-day", "1000000", "--minutes", "3", "--json")
    assert ran.code == 0
    text = DOCUMENT.read_text()
    for figure in (
        f"{ran.json['lines']:,}",
        f"{ran.json['packets_per_second']:,.0f}",
        f"{ran.json['sip_messages_per_second']:.0f}/s",
        f"{ran.json['peak_calls_per_second']} (Poisson)",
    ):
        assert figure in text


def test_what_cannot_be_reckoned_is_told(run: Run, tmp_path: Path) -> None:
    ran = run("capacity", "--with", "fax")
    assert (ran.code, "'fax' was not measured; talk" in ran.err) == (1, True)
    ran = run("capacity", "--minutes", "0")
    assert (ran.code, "minutes: 0" in ran.err) == (1, True)
    broken = tmp_path / "capacity.json"
    broken.write_text('{"machine": 1}')
    ran = run("capacity", "--measured", str(broken))
    assert (ran.code, "is no capacity.json" in ran.err) == (1, True)
    ran = run("capacity", "--measured", str(tmp_path / "none.json"))
    assert (ran.code, "No such file" in ran.err) == (1, True)
