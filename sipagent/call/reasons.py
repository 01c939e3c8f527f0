"""Why a call ended, as SIP says it in a header (RFC 3326). Pure."""

import re
from dataclasses import dataclass

_QUOTED = re.compile(r'text\s*=\s*"((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_CAUSE = re.compile(r";\s*cause\s*=\s*(\d{1,3})", re.IGNORECASE)
_PROTOCOL = re.compile(r"\s*([A-Za-z0-9.!%*_+`'~-]+)\s*;")


@dataclass(frozen=True, slots=True)
class Reason:
    """One value of a Reason header: the `protocol` whose `cause` it is (SIP, Q.850), and words."""

    protocol: str
    cause: int
    text: str = ""

    def __str__(self) -> str:
        """As it stands in the header."""
        words = "".join(c for c in self.text if c.isprintable() and c not in '"\\')
        return f"{self.protocol};cause={self.cause}" + (f';text="{words}"' if words else "")

    @property
    def words(self) -> str:
        """For people: `Q.850 17, User busy`."""
        return f"{self.protocol} {self.cause}" + (f", {self.text}" if self.text else "")


def parse(value: str) -> Reason | None:
    """The first value of a Reason header; None for what is none, such as a mere phrase."""
    protocol, cause = _PROTOCOL.match(value), _CAUSE.search(value)
    if protocol is None or cause is None:
        return None
    text = _QUOTED.search(value)
    return Reason(protocol[1], int(cause[1]), re.sub(r"\\(.)", r"\1", text[1]) if text else "")


#: one side hung up (ITU-T Q.850)
NORMAL = Reason("Q.850", 16, "Normal call clearing")
#: who is refused as busy, or declined
BUSY = Reason("Q.850", 17, "User busy")
DECLINED = Reason("Q.850", 21, "Call rejected")
#: it rang, and nobody came
NO_ANSWER = Reason("Q.850", 19, "No answer from user")
#: something of ours broke
FAILED = Reason("Q.850", 41, "Temporary failure")
#: another phone took the call: no missed call is shown (RFC 3326 section 2)
ELSEWHERE = Reason("SIP", 200, "Call completed elsewhere")
#: the call was too long, or somebody in charge ended it
ENDED = Reason("Q.850", 31, "Normal, unspecified")
