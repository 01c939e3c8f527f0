"""Lines of a call's story."""

from sipagent.cli.story import line
from sipagent.events import MeetingChanged, WebAsked


def test_meeting_another_call_is_part_of_the_story() -> None:
    def told(**fields: object) -> str:
        event = MeetingChanged.model_validate({"call_id": "1", **fields})
        shown = line(event)
        assert shown is not None
        return shown[1]

    assert (
        told(place="queue", name="support", change="met", other="201") == "queue support: met 201"
    )
    said = told(place="queue", name="support", change="standing", count=2, detail="of 3")
    assert said == "queue support: standing 2 of 3"


def test_what_was_asked_on_the_web_is_part_of_the_story() -> None:
    asked = {
        "call_id": "1",
        "by": "swml",
        "method": "POST",
        "host": "a:3000",
        "path": "/x",
        "ms": 12,
    }
    assert line(WebAsked.model_validate({**asked, "status": 200})) == (
        "[blue]web[/]", "swml POST a:3000/x: 200 in 12 ms"
    )  # fmt: skip
    assert line(WebAsked.model_validate({**asked, "error": "a: refused"})) == (
        "[red]web[/]", "POST a:3000: a: refused"
    )  # fmt: skip
