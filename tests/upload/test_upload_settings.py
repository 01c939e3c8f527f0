"""Settings of uploads, and how long a store is waited for."""

from typing import Any

import pytest
from pydantic import ValidationError

from sipagent.app.uploading import patience
from sipagent.config import Upload


def test_patience_doubles_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert 0.8 <= patience(1) <= 1.2
    assert 6.4 <= patience(4) <= 9.6
    assert 240 <= patience(60) <= 360


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"path": "{plan}"}, "without {call_id}"),
        ({"path": "{when}/{call_id}"}, "{when} is not one of"),
        ({"path": "../{call_id}"}, "no .."),
        ({"access_key_id": "a"}, "belong together"),
        ({"endpoint": "http://user:hush@host"}, "credentials stand beside it"),
        ({"keep_local": "soon"}, "no time such as 7d"),
    ],
)
def test_wrong_settings_are_told(keys: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Upload.model_validate({"bucket": "records", **keys})
    assert why in str(refused.value)


def test_times_are_written_as_people_do() -> None:
    spans = {"7d": 604_800, "12h": 43_200, "90": 90, "2w": 1_209_600}
    for text, seconds in spans.items():
        upload = Upload.model_validate({"bucket": "records", "keep_local": text})
        assert upload.keep_local is not None
        assert upload.keep_local.total_seconds() == seconds
