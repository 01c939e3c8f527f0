"""InviteSession: the signalling of one call, whoever began it (RFC 3261 sections 13 to 15)."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from sipagent.call.leg import NEXT, LegState
from sipagent.errors import LegFailed

from .acks import Acks
from .agent import ALLOW, Exchange, Outgoing, UserAgent
from .confirmation import Confirmation
from .dialog import Dialog
from .message import Headers, Request, Response, phrase
from .parties import Listener, OfferAnswer, Side
from .reliable import Provisionals
from .sdp import BadSdp
from .transaction import ServerTransaction


class InviteSession:
    """State, dialog and the requests within it. `end` is BYE, CANCEL or a refusal, as it fits."""

    def __init__(
        self, agent: UserAgent, dialog: Dialog, media: OfferAnswer, listener: Listener
    ) -> None:
        self.agent = agent
        self.dialog = dialog
        self.state = LegState.CALLING
        self._media = media
        self._listener = listener
        #: what every answer of ours to an offer says beside (Session-Expires)
        self.usual: Headers = ()
        self._inviting: Exchange | None = None
        self._invited: ServerTransaction | None = None
        self._heard = False
        self._ending = False
        self._offered = False
        self._acks = Acks(agent)
        self._provisionals = Provisionals(agent, dialog)
        self._confirmation: Confirmation | None = None
        agent.join(self)

    # We call.

    def invite(self, headers: Headers = (), *, offer: bool = True) -> None:
        """Send the INVITE; without `offer` the peer makes one in its 2xx (late offer)."""
        self._offered = offer
        body = self._media.offer() if offer else b""
        out = Outgoing("INVITE", (*self.agent.features, *headers), body)
        self._inviting = self.agent.send(self.dialog, out, self._on_response)

    def _on_response(self, response: Response) -> None:
        assert self._inviting is not None
        if response.status < 200:
            self._provisional(response)
        elif response.status < 300:
            self._accepted(response, self._inviting.request)
        else:
            by: Side = "local" if self._ending else "remote"
            self._move(LegState.DISCONNECTED, response.status, response.reason, by)

    def _provisional(self, response: Response) -> None:
        if self._ending and not self._heard and self._inviting is not None:
            self._inviting.cancel()  # CANCEL may not be sent before this (section 9.1)
        self._heard = True
        if response.status > 100 and self.state is not LegState.DISCONNECTED:
            self._provisionals.acknowledge(response)
            self._take_answer(response)
            self._move(LegState.EARLY, response.status, response.reason, "remote")

    def _accepted(self, response: Response, invite: Request) -> None:
        if self._acks.again(response):
            return
        if self.state in (LegState.CONFIRMED, LegState.DISCONNECTED):
            self._acks.decline(self.dialog, invite, response)
            return
        self.dialog.establish(response)
        body, fault = self._complete(response)
        self._acks.send(self.dialog, invite, body)
        self._move(LegState.CONFIRMED, response.status, response.reason, "remote")
        if fault or self._ending:
            self._bye()

    def _complete(self, response: Response) -> tuple[bytes, bool]:
        """The ACK's body, and whether the offer and answer came to nothing."""
        if self._offered:
            return b"", not self._take_answer(response)
        try:
            return self._media.answer(response.body), False
        except BadSdp:
            return b"", True

    def _take_answer(self, response: Response) -> bool:
        if not self._offered or not response.body:
            return True
        try:
            self._media.accept(response.body)
        except BadSdp:
            return False
        return True

    # We are called.

    def invited(self, request: Request, transaction: ServerTransaction) -> None:
        """This session is the peer's INVITE."""
        self._invited = transaction
        self.state = LegState.INCOMING

    def progress(
        self,
        status: int,
        *,
        early_media: bool = False,
        reliable: bool = False,
        headers: Headers = (),
    ) -> None:
        """Send 180 or 183; with `early_media` the answer to the offer goes along, `reliable` has
        the peer acknowledge it.

        Raises BadSdp when the offer cannot be answered.
        """
        if self._invited is None or self._invited.answered:
            return
        offer = self._invited.request.body
        body = self._media.answer(offer) if early_media and offer else b""
        reply = self._reply(self._invited.request, status, body, headers)
        if reliable:
            self._provisionals.send(reply, self._invited)
        else:
            self._invited.respond(reply)
        self._move(LegState.EARLY, status, phrase(status), "local")

    def accept(self, headers: Headers = ()) -> None:
        """Answer 200, or 488 when we have no codec in common."""
        if self._invited is None or self._invited.answered:
            return
        request = self._invited.request
        try:
            body = self._media.answer(request.body) if request.body else self._media.offer()
        except BadSdp:
            self.refuse(488)
            return
        self._provisionals.stop()
        reply = self._reply(request, 200, body, headers)
        self._confirm(self._invited, reply, late=not request.body)
        self._move(LegState.CONFIRMED, 200, "OK", "local")

    def refuse(self, status: int, headers: Headers = ()) -> None:
        """Answer with a final status of 300 or more."""
        if self._invited is None or self._invited.answered:
            return
        reply = self._invited.request.reply(status, to_tag=self.dialog.local_tag, headers=headers)
        self._invited.respond(reply)
        self._move(LegState.DISCONNECTED, status, phrase(status), "local")

    def cancelled(self) -> None:
        """The peer changed its mind before we answered."""
        if self._invited is not None and not self._invited.answered:
            self._invited.respond(self._invited.request.reply(487, to_tag=self.dialog.local_tag))
            self._move(LegState.DISCONNECTED, 487, phrase(487), "remote")

    def _reply(self, request: Request, status: int, body: bytes, more: Headers = ()) -> Response:
        content = [("Content-Type", "application/sdp")] if body else []
        headers = [("Contact", self.dialog.contact), *self.agent.features, *content]
        headers += [*self.usual, *more]
        reply = request.reply(status, to_tag=self.dialog.local_tag, headers=headers)
        return replace(reply, body=body)

    def _confirm(self, transaction: ServerTransaction, reply: Response, *, late: bool) -> None:
        """Send a 2xx until its ACK comes; with `late` that ACK carries the answer."""

        def acknowledged(ack: Request) -> None:
            self._offered = late
            if late and ack.body and not self._accept_late(ack.body):
                self._bye()

        self._confirmation = Confirmation(
            reply.cseq[0], reply, self.agent.timers, transaction.send_again
        )
        transaction.respond(reply)
        self._confirmation.start(acknowledged, self._bye)

    def _accept_late(self, answer: bytes) -> bool:
        try:
            self._media.accept(answer)
        except BadSdp:
            return False
        return True

    # Either way.

    async def end(self, status: int = 603, headers: Headers = ()) -> None:
        """BYE, CANCEL, or `status` for an INVITE we have not answered. Waits for the response
        to a BYE; after a CANCEL the end is heard of by the listener.
        """
        if self.state is LegState.CONFIRMED:
            done = self._bye(headers)
            await asyncio.shield(done)
        elif self._invited is not None:
            self.refuse(status, headers)
        elif self._inviting is not None and not self._ending:
            self._ending = True
            if self._heard:
                self._inviting.cancel(headers)
            patience = self.agent.timers.give_up
            asyncio.get_running_loop().call_later(patience, self.abandon)

    def abandon(self) -> None:
        """A cancelled INVITE without a final response is over all the same (section 9.1)."""
        self._move(LegState.DISCONNECTED, 487, phrase(487), "local")

    def _bye(self, headers: Headers = ()) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.state is not LegState.CONFIRMED:
            done.set_result(None)
            return done

        def heard(response: Response) -> None:
            if response.status >= 200 and not done.done():
                done.set_result(None)
                self.agent.leave(self)

        self.agent.send(self.dialog, Outgoing("BYE", headers), heard)
        self._move(LegState.DISCONNECTED, 200, "BYE", "local", stay=True)
        return done

    async def reinvite(self, headers: Headers = (), *, offer: bool = True) -> Response:
        """Offer anew within the call (hold, resume, another codec), or have the peer make an
        offer. Returns the 2xx. Raises LegFailed when refused.
        """
        self._require_confirmed()
        self._offered = offer
        body = self._media.offer() if offer else b""
        out = Outgoing("INVITE", (*self.agent.features, *headers), body)
        final: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        exchange: Exchange

        def heard(response: Response) -> None:
            if 200 <= response.status < 300:
                self._reaccepted(response, exchange.request)
            if response.status >= 200 and not final.done():
                final.set_result(response)

        exchange = self.agent.send(self.dialog, out, heard)
        response = await final
        if response.status >= 300:
            raise LegFailed(response.status, response.reason)
        return response

    async def update(self, headers: Headers = (), *, offer: bool = True) -> Response:
        """Offer anew by UPDATE (RFC 3311), or only refresh. Raises LegFailed when refused."""
        body = self._media.offer() if offer else b""
        response = await self.agent.ask(
            self.dialog, Outgoing("UPDATE", (*self.agent.features, *headers), body)
        )
        if response.status >= 300:
            raise LegFailed(response.status, response.reason)
        if response.body:
            self._media.accept(response.body)
        return response

    def _reaccepted(self, response: Response, invite: Request) -> None:
        if self._acks.again(response):
            return
        self.dialog.refresh(response)
        body, fault = self._complete(response)
        self._acks.send(self.dialog, invite, body)
        if fault:
            self._bye()

    async def ask(self, out: Outgoing) -> Response:
        """Send REFER, INFO, NOTIFY or the like in the dialog. Raises LegFailed when not up."""
        self._require_confirmed()
        return await self.agent.ask(self.dialog, out)

    def _require_confirmed(self) -> None:
        if self.state is not LegState.CONFIRMED:
            raise LegFailed(481, f"the call is {self.state}")

    def receive(self, request: Request, transaction: ServerTransaction | None) -> None:
        """A request within the dialog."""
        if transaction is None:
            if self._confirmation is not None:
                self._confirmation.acknowledged(request)
            return
        if request.cseq[0] <= self.dialog.remote_cseq:
            transaction.respond(request.reply(500))
            return
        self.dialog.remote_cseq = request.cseq[0]
        handler = self._HANDLERS.get(request.method)
        if handler is None:
            transaction.respond(request.reply(405, headers=[("Allow", ALLOW)]))
        else:
            handler(self, request, transaction)

    def _on_bye(self, request: Request, transaction: ServerTransaction) -> None:
        transaction.respond(request.reply(200))
        if self._invited is not None and not self._invited.answered:
            self._invited.respond(self._invited.request.reply(487, to_tag=self.dialog.local_tag))
        reason = request.get("Reason") or "BYE"
        self._move(LegState.DISCONNECTED, 200, reason, "remote")

    def _on_offer(self, request: Request, transaction: ServerTransaction) -> None:
        """A re-INVITE or UPDATE."""
        is_invite = request.method == "INVITE"
        if is_invite and self._confirmation is not None and self._confirmation.waiting:
            transaction.respond(request.reply(491))
            return
        self.dialog.refresh(request)
        try:
            body = self._media.answer(request.body) if request.body else b""
        except BadSdp:
            transaction.respond(request.reply(488))
            return
        if is_invite and not body:
            self._confirm(transaction, self._reply(request, 200, self._media.offer()), late=True)
        elif is_invite:
            self._confirm(transaction, self._reply(request, 200, body), late=False)
        else:
            transaction.respond(self._reply(request, 200, body))

    def _on_prack(self, request: Request, transaction: ServerTransaction) -> None:
        known = self._provisionals.acknowledged(request)
        transaction.respond(request.reply(200 if known else 481))

    def _on_info(self, request: Request, transaction: ServerTransaction) -> None:
        transaction.respond(request.reply(200))
        self._listener.got_info(request)

    def _on_refer(self, request: Request, transaction: ServerTransaction) -> None:
        status = self._listener.got_refer(request)
        transaction.respond(request.reply(status, headers=[("Contact", self.dialog.contact)]))

    def _on_notify(self, request: Request, transaction: ServerTransaction) -> None:
        transaction.respond(request.reply(200))
        self._listener.got_notify(request)

    def _on_other(self, request: Request, transaction: ServerTransaction) -> None:
        transaction.respond(request.reply(200, headers=[("Allow", ALLOW)]))

    _HANDLERS: ClassVar[
        dict[str, Callable[["InviteSession", Request, ServerTransaction], None]]
    ] = {
        "BYE": _on_bye,
        "INVITE": _on_offer,
        "UPDATE": _on_offer,
        "INFO": _on_info,
        "PRACK": _on_prack,
        "REFER": _on_refer,
        "NOTIFY": _on_notify,
        "OPTIONS": _on_other,
        "MESSAGE": _on_other,
    }

    def _move(
        self, state: LegState, status: int, reason: str, by: Side, *, stay: bool = False
    ) -> None:
        """Move and tell, where the move is legal; `stay` keeps the dialog for a BYE's response."""
        if state not in NEXT[self.state]:
            return
        self.state = state
        if state is LegState.DISCONNECTED:
            self._provisionals.stop()
            if self._confirmation is not None:
                self._confirmation.stop()
            if not stay:
                self.agent.leave(self)
        self._listener.changed(state, status, reason, by)
