"""Browsing: the words between gateway and worker about browser legs."""

from typing import Literal

from pydantic import Field

from sipagent.legs.webrtc.captions import Sees

from .message import Message


class BrowserCall(Message):
    """The offer of a page that calls, in an assignment."""

    session: str
    name: str = Field(description="of its token; it is on record as web:NAME")
    owner: str = Field(description="whose page it is: the token's id, or its name")
    offer: str
    sees: Sees = "nothing"


# up


class BrowserAnswered(Message):
    """What became of a page's offer: our SDP answer, or a status and why not."""

    type: Literal["browser_answered"] = "browser_answered"
    session: str
    answer: str = ""
    status: int = 200
    detail: str = ""


class BrowserOver(Message):
    """The page of this session is not in the call any more."""

    type: Literal["browser_over"] = "browser_over"
    session: str


class BrowserRings(Message):
    """Ring the pages that listen by this name; `Rang` answers. Said again to a new gateway."""

    type: Literal["browser_rings"] = "browser_rings"
    ring: str
    name: str
    caller: str


class BrowserStops(Message):
    """Ring them no more: answered, given up, or over."""

    type: Literal["browser_stops"] = "browser_stops"
    ring: str
    reason: str = ""


# down


class Rang(Message):
    """What became of a ringing: 180 while at least one page rings, else why none does any more."""

    type: Literal["rang"] = "rang"
    ring: str
    status: int
    reason: str = ""


class BrowserOffered(Message):
    """A page answers a ringing with its offer; `BrowserAnswered` tells what became of it."""

    type: Literal["browser_offered"] = "browser_offered"
    ring: str
    session: str
    offer: str
    sees: Sees = "nothing"


class BrowserLeft(Message):
    """The page of this session hung up, or may not go on."""

    type: Literal["browser_left"] = "browser_left"
    session: str


#: what a worker says of browsers, and what it is told
FromWorker = BrowserAnswered | BrowserOver | BrowserRings | BrowserStops
ToWorker = Rang | BrowserOffered | BrowserLeft
