"""Pace: how many messages a second this machine reads, edits and writes, for benches."""

import time

from .headers import parse_name_addr, parse_uri
from .identity import Identity, hostport
from .message import header, parse
from .proxy import less_one_hop
from .trim import fit

INVITE = (
    b"INVITE sip:100@127.0.0.1:5060 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.50:5060;rport;branch=z9hG4bKPj7c0f3d2e9a\r\n"
    b"Max-Forwards: 70\r\n"
    b'From: "Alice" <sip:alice@192.0.2.50>;tag=4fd3e1b2\r\n'
    b"To: <sip:100@127.0.0.1>\r\n"
    b"Contact: <sip:alice@192.0.2.50:5060;ob>\r\n"
    b"Call-ID: 8d5e2f71b0c44f0a\r\n"
    b"CSeq: 21894 INVITE\r\n"
    b"Allow: PRACK, INVITE, ACK, BYE, CANCEL, UPDATE, INFO, SUBSCRIBE, NOTIFY, REFER, MESSAGE\r\n"
    b"Supported: replaces, 100rel, timer, norefersub\r\n"
    b"Session-Expires: 1800\r\n"
    b"Min-SE: 90\r\n"
    b"User-Agent: example phone 1.0\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: 192\r\n\r\n"
    b"v=0\r\no=- 3900000000 3900000000 IN IP4 192.0.2.50\r\ns=call\r\nc=IN IP4 192.0.2.50\r\n"
    b"t=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
    b"a=fmtp:101 0-16\r\na=sendrecv\r\na=ptime:20\r\n"
)


def messages_per_second(seconds: float = 1.0) -> float:
    """An INVITE as the edge handles it towards a worker, sockets and desk left out. CPU time."""
    address = ("127.0.0.1", 5060)
    identity = Identity(address, ("127.0.0.1", 5070), [("UDP", address)])
    inside = hostport(identity.internal)
    count, start = 0, time.process_time()
    while (taken := time.process_time() - start) < seconds:
        for _ in range(100):
            message = parse(INVITE)
            via = message.via
            message.replace_top_via(via.seen_from("192.0.2.50", 5060))
            branch = identity.inward_branch(message, via)
            parse_uri(message.uri)
            parse_uri(parse_name_addr(message.text(b"contact")).uri)
            edited = message.copy()
            less_one_hop(edited)
            edited.headers[:0] = [
                header(b"Record-Route", b"<sip:%b;lr;fl=1>" % inside),
                header(b"Via", b"SIP/2.0/UDP %b;branch=%b" % (inside, branch)),
            ]
            fit(edited)
        count += 100
    return count / taken
