"""SIPp scenarios of the soak: how a call goes from its INVITE to its end, refused or not."""

from collections.abc import Mapping
from dataclasses import dataclass

_PATH = """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch{back}]
      {routes}From: "soak" <sip:soak@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]
      To: <sip:[service]@[remote_ip]:[remote_port]>{tag}
      Call-ID: [call_id]
      CSeq: {cseq} {method}
      Contact: <sip:soak@[local_ip]:[local_port];transport=[transport]>
      Max-Forwards: 70"""
_SDP = """Content-Type: application/sdp
      Content-Length: [len]

      v=0
      o=soak 1 {version} IN IP[local_ip_type] [local_ip]
      s=-
      c=IN IP[media_ip_type] [media_ip]
      t=0 0
      m=audio [media_port] RTP/AVP 0 101
      a=rtpmap:0 PCMU/8000
      a=rtpmap:101 telephone-event/8000
      a={direction}"""
_EMPTY = "Content-Length: 0"


def _request(
    method: str, cseq: int, *, dialog: bool = False, direction: str = "", back: int = 0
) -> str:
    """A request; `back` is how many messages before this one its transaction began."""
    path = _PATH.format(
        method=method,
        cseq=cseq,
        back=f"-{back}" if back else "",
        routes="[routes]\n      " if dialog else "",
        tag="[peer_tag_param]" if dialog or (method == "ACK" and back) else "",
    )
    uri = "[next_url]" if dialog else "sip:[service]@[remote_ip]:[remote_port]"
    body = _SDP.format(version=cseq, direction=direction) if direction else _EMPTY
    repeated = "" if method == "ACK" else ' retrans="500"'
    return f"""  <send{repeated}>
    <![CDATA[
      {method} {uri} SIP/2.0
      {path}
      {body}

    ]]>
  </send>
"""


def _pause(least: int, most: int) -> str:
    return f'  <pause distribution="uniform" min="{least}" max="{most}"/>\n'


def _recv(status: int, *, optional: bool = False, more: str = "") -> str:
    way = ' optional="true"' if optional else ""
    return f'  <recv response="{status}"{way}{more}/>\n'


_INVITE = _request("INVITE", 1, direction="sendrecv")
_TRYING = _recv(100, optional=True) + _recv(180, optional=True) + _recv(183, optional=True)
_REFUSED = _recv(503, optional=True, more=' next="1" counter="refused"')
_ANSWERED = _INVITE + _TRYING + _REFUSED + _recv(200, more=' rrs="true" counter="answered"')
_ACK = _request("ACK", 1, dialog=True)
# a BYE that comes again when its worker has gone finds no call any more
_OVER = _recv(481, optional=True, more=' next="2"') + _recv(200, more=' next="2"')
_END = """  <label id="1"/>
{ack}  <label id="2"/>
"""


def _scenario(name: str, steps: str, acknowledged: int) -> str:
    """`acknowledged`: how many messages before the ACK to a 503 the INVITE is."""
    end = _END.format(ack=_request("ACK", 1, back=acknowledged))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n'
        f'<scenario name="{name}">\n{steps}{end}</scenario>\n'
    )


def _reinvite(cseq: int, direction: str) -> str:
    invite = _request("INVITE", cseq, dialog=True, direction=direction)
    return invite + _recv(100, optional=True) + _recv(200) + _request("ACK", cseq, dialog=True)


def _bye(cseq: int) -> str:
    return _request("BYE", cseq, dialog=True) + _OVER


_HUNG_UP = """  <recv request="BYE"/>
  <send next="2">
    <![CDATA[
      SIP/2.0 200 OK
      [last_Via:]
      [last_From:]
      [last_To:]
      [last_Call-ID:]
      [last_CSeq:]
      Content-Length: 0

    ]]>
  </send>
"""


def _cancelled(milliseconds: int) -> str:
    """A call that is given up after so long, if it was not refused before."""
    refused = f' timeout="{milliseconds}" ontimeout="3" next="1" counter="refused"'
    return (
        _INVITE
        + _recv(100)
        + _recv(503, more=refused)
        + '  <label id="3"/>\n'
        + _request("CANCEL", 1).replace("[branch]", "[branch-3]")
        + _recv(200, optional=True)
        # a refusal on its way when the call was given up: the CANCEL came too late for it
        + _recv(481, optional=True)
        + _recv(503, optional=True, more=' next="1" counter="refused"')
        + _recv(487)
    )


@dataclass(frozen=True, slots=True)
class Kind:
    """One way a call goes: its share of all calls, the number it calls, SIPp's percent of loss and
    further arguments.
    """

    name: str
    share: float
    number: str
    scenario: str
    loss: int = 0
    more: tuple[str, ...] = ()


def _count(steps: str) -> int:
    return steps.count("<send") + steps.count("<recv") + steps.count("<pause")


def _kind(
    name: str, share: float, number: str, steps: str, *, loss: int = 0, more: tuple[str, ...] = ()
) -> Kind:
    return Kind(name, share, number, _scenario(name, steps, _count(steps)), loss, more)


#: SIPp takes nothing while it is about to send: a refusal that crosses the CANCEL is then let
#: pass, and taken when it comes again (RFC 3261 section 17.2.1, timer G)
_CROSSING = ("-default_behaviors", "all,-abortunexp")


_TALK = _ANSWERED + _ACK + _pause(50, 2000)
#: numbers as the plans of the soak have them
PLANS: Mapping[str, str] = {
    "100": "[answer, {play: 'ring:us'}, {sleep: {duration: 60000}}]",
    "101": "[answer, {sleep: {duration: 700}}, hangup]",
    "102": "[{sleep: {duration: 60000}}]",
}
KINDS = (
    _kind("bye", 0.35, "100", _TALK + _bye(2)),
    _kind(
        "hold",
        0.2,
        "100",
        _TALK
        + _reinvite(2, "sendonly")
        + _pause(50, 500)
        + _reinvite(3, "sendrecv")
        + _pause(50, 500)
        + _bye(4),
    ),
    _kind("hung-up", 0.15, "101", _ANSWERED + _ACK + _HUNG_UP),
    _kind("cancel-early", 0.1, "102", _cancelled(30), more=_CROSSING),
    _kind("cancel-late", 0.1, "102", _cancelled(700)),
    _kind("bye-lossy", 0.1, "100", _TALK + _bye(2), loss=5),
)
