"""Dialogs: what two user agents remember of each other (RFC 3261 section 12)."""

import secrets
from dataclasses import dataclass

from .message import Headers, Request, Response, address_uri, params, tag

_USER_AGENT = "sipagent softphone"


@dataclass(slots=True)
class Dialog:
    """Our half of a dialog, or of one that may come of a request we send.

    `local` and `remote` are From and To values as we write them, tags included.
    """

    call_id: str
    local: str
    remote: str
    target: str
    contact: str
    routes: tuple[str, ...] = ()
    cseq: int = 0
    remote_cseq: int = -1

    @classmethod
    def outgoing(cls, local_uri: str, remote_uri: str, contact: str, display: str = "") -> "Dialog":
        """A dialog not yet made, for a request to `remote_uri`."""
        name = f'"{display}" ' if display else ""
        local = f"{name}<{local_uri}>;tag={secrets.token_hex(6)}"
        call_id = secrets.token_hex(12)
        return cls(call_id, local, f"<{remote_uri}>", remote_uri, contact)

    @classmethod
    def incoming(cls, request: Request, contact: str) -> "Dialog":
        """The dialog a peer's request would make (section 12.1.1)."""
        return cls(
            call_id=request.get("Call-ID"),
            local=f"{request.get('To')};tag={secrets.token_hex(6)}",
            remote=request.get("From"),
            target=address_uri(request.get("Contact") or request.get("From")),
            contact=contact,
            routes=tuple(request.all("Record-Route")),
            remote_cseq=request.cseq[0],
        )

    @property
    def local_tag(self) -> str:
        """Our tag."""
        return tag(self.local)

    @property
    def remote_tag(self) -> str:
        """The peer's tag; empty until it answered."""
        return tag(self.remote)

    @property
    def next_hop(self) -> str:
        """The URI whose address the next request is sent to."""
        return address_uri(self.routes[0]) if self.routes else self.target

    def establish(self, response: Response) -> None:
        """Learn the peer's tag, target and route set from its response (section 12.1.2)."""
        self.remote = response.get("To")
        self.routes = tuple(reversed(response.all("Record-Route")))
        self.refresh(response)

    def refresh(self, message: Request | Response) -> None:
        """Take a new remote target from a re-INVITE, an UPDATE or their 2xx (section 12.2)."""
        contact = message.get("Contact")
        if contact:
            self.target = address_uri(contact)

    def request(
        self,
        method: str,
        via: str,
        *,
        cseq: int | None = None,
        headers: Headers = (),
        body: bytes = b"",
        content_type: str = "application/sdp",
    ) -> Request:
        """The next request in this dialog; `cseq` is given for ACK and CANCEL only."""
        if cseq is None:
            self.cseq += 1
        fields = [("Via", f"{via};branch=z9hG4bK{secrets.token_hex(10)};rport")]
        fields += [("Max-Forwards", "70")]
        fields += [("Route", route) for route in self.routes]
        fields += [("From", self.local), ("To", self.remote), ("Call-ID", self.call_id)]
        fields += [("CSeq", f"{self.cseq if cseq is None else cseq} {method}")]
        fields += [("Contact", self.contact), ("User-Agent", _USER_AGENT), *headers]
        if body:
            fields.append(("Content-Type", content_type))
        return Request(tuple(fields), body, method, self.target)

    def matches(self, request: Request) -> bool:
        """True when a request with a To tag was sent within this dialog (section 12.2.2)."""
        theirs = tag(request.get("From"))
        return self.local_tag == tag(request.get("To")) and theirs == self.remote_tag


def replaces(dialog: Dialog) -> str:
    """A Replaces value that names this dialog as the far end knows it (RFC 3891 section 3)."""
    return f"{dialog.call_id};to-tag={dialog.remote_tag};from-tag={dialog.local_tag}"


def replaced(value: str) -> tuple[str, str, str]:
    """Call-ID, our tag and the peer's tag named by a Replaces header that came to us."""
    found = params("<>;" + value.partition(";")[2])
    return value.partition(";")[0].strip(), found.get("to-tag", ""), found.get("from-tag", "")
