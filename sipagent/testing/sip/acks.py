"""Acks: every 2xx to our INVITE is acknowledged, however often it comes (section 13.2.2.4)."""

from dataclasses import replace

from .agent import Outgoing, UserAgent
from .dialog import Dialog
from .message import Request, Response, tag


class Acks:
    """The ACKs one session has sent."""

    def __init__(self, agent: UserAgent) -> None:
        self._agent = agent
        self._sent: dict[tuple[int, str], tuple[Dialog, Request]] = {}

    def again(self, response: Response) -> bool:
        """Repeat the ACK if this 2xx was here before."""
        sent = self._sent.get((response.cseq[0], tag(response.get("To"))))
        if sent is None:
            return False
        self._agent.write(*sent)
        return True

    def send(self, dialog: Dialog, invite: Request, body: bytes = b"") -> None:
        """Acknowledge a 2xx that `dialog` was established from, with the INVITE's own proof."""
        proofs = [(n, v) for n, v in invite.headers if n.lower().endswith("authorization")]
        number = invite.cseq[0]
        ack = dialog.request("ACK", self._agent.via, cseq=number, headers=proofs, body=body)
        self._sent[number, dialog.remote_tag] = (dialog, ack)
        self._agent.write(dialog, ack)

    def decline(self, dialog: Dialog, invite: Request, response: Response) -> None:
        """A 2xx nobody wants any more: another branch of a fork, or after we gave up."""
        other = replace(dialog, routes=())
        other.establish(response)
        self.send(other, invite)
        self._agent.send(other, Outgoing("BYE"), lambda _: None)
