"""Only a plain yes is a yes."""

import pytest

from sipagent.agent.answers import yes_or_no


@pytest.mark.parametrize(
    ("text", "digits", "expected"),
    [
        ("Yes, please.", "", True),
        ("yeah go ahead", "", True),
        ("of course", "", True),
        ("that's right", "", True),
        ("yes but not now", "", False),
        ("yes what is the price", "", None),
        ("no", "", False),
        ("don't", "", False),
        ("never mind", "", False),
        ("banana", "", None),
        ("", "1", True),
        ("", "2", False),
        ("", "9", None),
    ],
)
def test_only_a_plain_yes_is_a_yes(text: str, digits: str, expected: bool | None) -> None:
    assert yes_or_no(text, digits) is expected
