"""A speech-to-speech model on the telephone, over real SIP, RTP and WebSocket."""

from pathlib import Path

import pytest

from sipagent.testing.spoken_to import spoken_to
from sipagent.testing.vendors.realtime_script import Script

pytestmark = pytest.mark.slow


async def test_a_question_is_answered_by_the_model_that_heard_it(tmp_path: Path) -> None:
    script = Script(["We are open from nine to five."], heard=["when are you open"])
    async with spoken_to(tmp_path, script) as talk:
        await talk.says("When are you open?")
        await talk.said("caller", "when are you open")
        await talk.said("agent", "We are open from nine to five.")
        assert talk.model.session.complaints == []
        roles = [(item.role, item.text) for item in talk.model.session.items]
        assert roles == [
            ("assistant", "Rossi and Sons, good morning."),
            ("user", "when are you open"),
            ("assistant", "We are open from nine to five."),
        ]
