"""Why a call ended, told both ways (RFC 3326), and headers that pass through."""

from typing import Any

import pytest

from sipagent.events import LegChanged
from sipagent.testing.phone import answer_after, ring_for_ever

Serve = Any
Open = Any

PLANS = """
routes: [{to: "1*"}]
policy: {destinations: ["sip:*@127.0.0.1:*"]}
sections:
  main:
    - switch:
        variable: call.to
        case:
          "sip:101@HOST": [{execute: {dest: refuses}}]
          "sip:102@HOST": [{execute: {dest: connects}}]
        default: [answer, hangup]
  refuses: [{hangup: {reason: busy}}]
  connects:
    - answer
    - connect:
        to: "CALLEE"
        timeout: 1
        ringback: []
        headers: {X-Ticket: "t-%{call.headers['X-Account']}", X-Plan: gold}
    - hangup
"""
BUSY = 'Q.850;cause=17;text="User busy"'
NORMAL = 'Q.850;cause=16;text="Normal call clearing"'


def ends(server: Any, role: str) -> list[LegChanged]:
    """How legs of that role ended."""
    return [
        e
        for e in server.events
        if isinstance(e, LegChanged) and e.role == role and e.state == "disconnected"
    ]
