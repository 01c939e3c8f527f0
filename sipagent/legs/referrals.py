"""REFER on one leg, ours and the far end's (RFC 3515), and what it takes to name a dialog."""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, unquote

import pjsua2 as pj

from sipagent.call.leg import TAKEN, Judge, Leg, ReferOutcome, Referral
from sipagent.errors import LegFailed

from .headers import lines
from .native import bare_uri

#: a NOTIFY that crosses the far end's own BYE still counts within this time
LATE_NOTIFY_SECONDS = 1.0
#: seconds a far end may take to report how the referred call goes
_SUBSCRIPTION = 180
_TAG = re.compile(r";\s*tag=([^;\s]+)", re.IGNORECASE)


class Referrals:
    """Both directions of REFER on a leg, and what its far end says it can do.

    `asked` and `judged` are called inside native callbacks, one after the other.
    """

    def __init__(self) -> None:
        self._outcome: asyncio.Future[ReferOutcome] | None = None
        self._judge: Judge | None = None
        self._asked: Mapping[str, str] = {}
        self._event = "refer"
        #: Allow and Supported, as far as they were seen, and where the far end is reached
        self._peer: Mapping[str, str] = {}

    # What the far end can do.

    def learned(self, message: str) -> None:
        """An INVITE of the far end, or its response to ours."""
        self._peer = {**self._peer, **lines(message)}

    def named(self, sip_call_id: str) -> str:
        """A Refer-To for our place in this dialog: its far end, and Replaces (RFC 3891 section 3).

        Raises LegFailed.
        """
        tags = [_TAG.search(self._peer.get(name, "")) for name in ("from", "to")]
        target = bare_uri(self._peer.get("contact", "")).partition("?")[0]
        if not target or None in tags:
            raise LegFailed(481, "there is no dialog to hand over")
        ours, theirs = (tag[1] for tag in tags if tag is not None)
        value = f"{sip_call_id};to-tag={theirs};from-tag={ours}"
        return f"{target}?Replaces={quote(value, safe='')}"

    def replaceable(self) -> bool:
        """False where the far end is known not to take Replaces."""
        supported = self._peer.get("supported")
        return supported is None or "replaces" in supported.lower()

    # We ask.

    async def ask(self, send: Callable[[], None], timeout: float) -> ReferOutcome:
        """Have `send` send a REFER; how it came out. Raises LegFailed."""
        allow = self._peer.get("allow")
        if allow is not None and "REFER" not in allow.upper():
            return ReferOutcome(405, "the far end does not take REFER", refused=True)
        if self._outcome is not None:
            raise LegFailed(491, "another transfer of this leg is under way")
        outcome: asyncio.Future[ReferOutcome] = asyncio.get_running_loop().create_future()
        self._outcome = outcome
        try:
            send()
            async with asyncio.timeout(timeout):
                return await outcome
        except TimeoutError:
            return ReferOutcome(408, "no outcome was reported in time")
        finally:
            self._outcome = None

    def settle(self, status: int, reason: str, *, refused: bool = False) -> None:
        """The final outcome of our REFER."""
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(ReferOutcome(status, reason, refused))

    def ended(self) -> None:
        """The leg is over; a last NOTIFY may still be on its way."""
        why = "the leg ended before the outcome was reported"
        asyncio.get_running_loop().call_later(LATE_NOTIFY_SECONDS, self.settle, 408, why)

    # The far end asks.

    def on_refer(self, judge: Judge) -> None:
        """Have `judge` called for every REFER."""
        self._judge = judge

    def asked(self, message: str) -> None:
        """The REFER itself; the verdict is asked for in a moment."""
        self._asked = lines(message)

    def judged(self, leg: Leg) -> int:
        """The status it gets."""
        told, self._asked = self._asked, {}
        if self._judge is None or "refer-to" not in told:
            return 603
        # a second REFER in a dialog must be told from the first (RFC 3515 section 2.4.6)
        self._event = f"refer;id={told.get('cseq', '').partition(' ')[0]}"
        target, _, headers = bare_uri(told["refer-to"]).partition("?")
        wanted = dict(part.partition("=")[::2] for part in headers.split("&") if part)
        replaces = next((v for name, v in wanted.items() if name.lower() == "replaces"), "")
        by = told.get("referred-by", "")
        status = self._judge(leg, Referral(target, unquote(replaces), by))
        return TAKEN if status == 202 else status

    def notification(self, status: int, reason: str, *, final: bool) -> Any:
        """A NOTIFY about the call the far end asked for (RFC 3515 section 2.4.4)."""
        prm = pj.CallSendRequestParam()
        prm.method = "NOTIFY"
        state = "terminated;reason=noresource" if final else f"active;expires={_SUBSCRIPTION}"
        headers = pj.SipHeaderVector()
        for name, value in (("Event", self._event), ("Subscription-State", state)):
            header = pj.SipHeader()
            header.hName, header.hValue = name, value
            headers.append(header)
        prm.txOption.headers = headers
        prm.txOption.contentType = "message/sipfrag"
        prm.txOption.msgBody = f"SIP/2.0 {status} {' '.join(reason.split())}\r\n"
        return prm
