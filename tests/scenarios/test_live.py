"""Scenarios over real SIP and RTP."""

from pathlib import Path

import pytest

from sipagent.events import SipMessage
from sipagent.testing.scenarios import Fate
from sipagent.testing.scenarios.live import not_live, run_live

from .writing import cases

PLAN = """
routes: [{to: "100"}]
policy: {destinations: ["sip:*@pbx.example"]}
sections:
  main:
    - answer
    - prompt: {play: "say:Press one.", initial_timeout: 60}
    - connect: {to: "sip:desk@pbx.example", timeout: 60}
    - play: "say:Goodbye."
    - hangup
"""
TEXT = """
defaults: {patience: 60, legs: {"sip:desk@pbx.example": {answers_after: 0.2, then: [hangs_up]}}}
scenarios:
  - name: the desk
    steps:
      - presses: 1
      - expects:
          - transfer: {to: "sip:desk@pbx.example", result: answered}
          - variables: {connect_result: connected}
          - Goodbye
          - ended: {by: plan, status: 200}
"""


@pytest.mark.slow
def test_a_phone_calls_presses_a_key_and_is_put_through_to_another_phone(tmp_path: Path) -> None:
    (result,) = run_live(cases(tmp_path, TEXT, PLAN))
    assert result.failure is None, (result.failure, result.transcript)
    fates = [part.fate for part in result.parts]
    assert fates == [Fate.PASSED, Fate.PASSED, Fate.NOT_JUDGED, Fate.PASSED, Fate.PASSED]
    ladder = [event.start_line for event in result.events if isinstance(event, SipMessage)]
    assert any(line.startswith("INVITE sip:desk@pbx.example") for line in ladder)
    assert result.live and result.reached.routes == {0}


def test_what_only_a_rehearsal_can_do_is_not_played_live(tmp_path: Path) -> None:
    text = TEXT.replace("  - name: the desk", "  - name: the desk\n    variables: {a: 1}")
    why = not_live(cases(tmp_path, text, PLAN)[0].scenario)
    assert why == "variables can only be rehearsed"
