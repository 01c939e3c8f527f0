"""Both sides offer at once: 491, and again after a while (RFC 3261 section 14)."""

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from sipagent.call.dial import Dial
from sipagent.call.leg import LegState
from sipagent.testing.actor import Launch, launching
from sipagent.testing.phone import Phone
from sipagent.testing.sip.agent import Outgoing

if TYPE_CHECKING:
    from sipagent.testing.stage import Stage


async def _holds(stage: "Stage", target: str | None) -> Any:
    """Hold and resume a leg that was called, or that calls `target`."""
    if target is None:
        leg = await stage.incoming()
        await leg.answer()
    else:
        leg = await stage.dialer.dial(Dial(target))
        await leg.wait(LegState.CONFIRMED)
    await stage.tell("up")
    await stage.hear()
    began = time.perf_counter()
    await leg.hold()
    took, held = time.perf_counter() - began, leg.on_hold
    await leg.resume()
    resumed = not leg.on_hold
    await leg.hangup()
    return [took, held, resumed, leg.status]


def _refuse_once(phone: Phone) -> None:
    """The first re-INVITE gets 491, as if ours was on its way."""
    session = phone.calls[0].session
    handlers = dict(type(session)._HANDLERS)
    usual = handlers["INVITE"]

    def glare(own: Any, request: Any, transaction: Any) -> None:
        handlers["INVITE"] = usual
        transaction.respond(request.reply(491))

    handlers["INVITE"] = glare
    session._HANDLERS = handlers  # type: ignore[misc]


@pytest.mark.slow
@pytest.mark.rfc("3261", "491 to our re-INVITE: again after the time section 14.1 gives")
async def test_after_a_491_we_offer_again_when_it_is_our_turn() -> None:
    async def one(launch: Launch, phone: Phone, we_call: bool) -> float:
        actor = await launch(_holds, phone.uri if we_call else None)
        if not we_call:
            host, port = actor.address
            await phone.dial(f"sip:agent@{host}:{port}")
        assert await actor.hear() == "up"
        _refuse_once(phone)
        await actor.tell("go on")
        took, held, resumed, status = await actor.result()
        assert (held, resumed, status) == (True, True, 200)
        assert len(phone.calls[0].distinct("INVITE")) == (4 if we_call else 3)
        return float(took)

    async with launching() as launch, Phone() as callee, Phone() as caller:
        owner, guest = await asyncio.gather(one(launch, callee, True), one(launch, caller, False))
    assert owner >= 2.1
    assert guest < owner + 2.0


@pytest.mark.rfc("3261", "a re-INVITE that crosses ours gets 491")
async def test_an_offer_that_crosses_ours_is_refused_and_both_get_their_turn() -> None:
    async with launching() as launch, Phone() as phone:
        actor = await launch(_holds, None)
        host, port = actor.address
        call = await phone.dial(f"sip:agent@{host}:{port}")
        assert await actor.hear() == "up"
        await call.wait_answered()
        session = call.session
        handlers = dict(type(session)._HANDLERS)
        answer = handlers["INVITE"]
        crossed: list[int] = []

        def cross(own: Any, request: Any, transaction: Any) -> None:
            """Ours leaves before theirs is answered; so both are open."""
            handlers["INVITE"] = answer

            async def offer() -> None:
                out = await own.agent.ask(
                    own.dialog, Outgoing("INVITE", phone.agent.features, call.media.offer())
                )
                crossed.append(out.status)
                answer(own, request, transaction)

            tasks.append(asyncio.ensure_future(offer()))

        tasks: list[asyncio.Future[None]] = []
        handlers["INVITE"] = cross
        session._HANDLERS = handlers  # type: ignore[misc]
        await actor.tell("go on")
        _, held, resumed, status = await actor.result()
        assert crossed == [491]
        assert (held, resumed, status) == (True, True, 200)
        await asyncio.gather(*tasks)
