"""pay: a card, typed on a private line, goes to the payment connector and nowhere else."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit
from uuid import uuid4

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from sipagent.call.control import CallControl
from sipagent.call.session import CallSession
from sipagent.call.verb import Outcome, Verb
from sipagent.call.web import WebReply, WebRequest
from sipagent.errors import CallError, PlanError

from .flow import remember
from .keyed import Asking, Voice, say
from .pay_entries import Entries
from .pay_prompts import Moment, PayPrompt, Problem, Step, Words, words
from .private_line import PrivateLine, private_line
from .statuses import Status
from .waiting import CallerGone, answered, while_caller_stays

_ALOUD = ("say:Please do not say it. Type it on the keypad, then press the hash key.",)
#: seconds to the first key, and for the connector to answer
_FIRST_KEY, _CONNECTOR = 15.0, 30.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_WORDS = {
    "success": "the payment was made",
    "too-many-failed-attempts": "the caller typed nothing valid",
    "payment-connector-error": "the payment was not taken",
    "caller-interrupted-with-star": "the caller cancelled",
}


def _yes_or_no(value: Any) -> Any:
    """SDKs write booleans as words."""
    word = value.strip().lower() if isinstance(value, str) else value
    return {"true": True, "false": False}.get(word, value) if isinstance(word, str) else value


class PayParameter(BaseModel):
    """One of the plan's own, for the connector."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class _Charged:
    """What the connector said."""

    ok: bool
    token: str = ""
    charge: str = ""
    code: str = ""
    error: str = ""
    card: str = ""


class PayVerb(Verb):
    """Have the caller type a card, and hand it to a payment connector.

    Sets pay_result (success, too-many-failed-attempts, payment-connector-error,
    caller-interrupted-with-star, caller-hung-up, internal-error) and pay_payment_results, in which
    nothing of the card stands but its kind.
    """

    name: ClassVar[str] = "pay"
    payment_connector_url: str = Field(description="https://..., told what was typed")
    charge_amount: Annotated[str, BeforeValidator(str)] = Field(
        default="", description="empty or 0: no charge, a token for later ones"
    )
    currency: str = Field(default="usd", description="ISO 4217")
    description: str = ""
    input: Literal["dtmf"] = "dtmf"
    language: str = Field(default="en-US", description="BCP 47, of what is said")
    max_attempts: int = Field(default=1, ge=1, le=10, description="tries in all")
    min_postal_code_length: int = Field(default=0, ge=0, le=12)
    parameters: tuple[PayParameter, ...] = Field(default=(), description="for the connector")
    payment_method: Literal["credit-card"] = "credit-card"
    postal_code: Annotated[bool | str, BeforeValidator(_yes_or_no)] = Field(
        default=True, description="asked for, or not, or known already"
    )
    prompts: tuple[PayPrompt, ...] = Field(default=(), description="in place of our words")
    security_code: Annotated[bool, BeforeValidator(_yes_or_no)] = True
    status_url: str | None = Field(default=None, description="told how it goes")
    timeout: float = Field(default=5, gt=0, le=60, description="seconds between keys")
    token_type: Literal["one-time", "reusable"] = "reusable"  # noqa: S105
    valid_card_types: Words = Field(default=("visa", "mastercard", "amex"))
    voice: str = Field(default="woman", description="woman, man, or a voice known here")

    async def run(self, control: CallControl) -> Outcome:
        """Collect, charge, and say how it came out."""
        call = control.call
        self._check_connector()
        about = {"control_id": call.posts.number("pay")}
        told = Status(call, self.status_url, "calling.call.pay", about)
        await answered(call)
        result, charged = "internal-error", _Charged(False)
        try:
            result, charged = await while_caller_stays(call, _Payment(self, control, told).made())
        except CallerGone:
            result = "caller-hung-up"
            raise
        finally:
            remember(call, pay_result=result, pay_payment_results=self._results(charged))
            told.tell(state="finished", pay_result=result)
        return Outcome(result == "success", _WORDS[result])

    def _check_connector(self) -> None:
        where = urlsplit(self.payment_connector_url)
        if where.scheme != "https" and where.hostname not in _LOOPBACK:
            raise PlanError("pay: a card number goes to https:// only")

    def _results(self, charged: _Charged) -> dict[str, Any]:
        return {
            "payment_method": self.payment_method,
            "payment_card_type": charged.card,
            "payment_token": charged.token,
            "payment_confirmation_code": charged.charge,
            "payment_error": charged.error,
            "payment_error_code": charged.code,
        }

    @property
    def spoken(self) -> Voice:
        """How our words are said where no agent says them."""
        gender = {"woman": "female", "man": "male"}.get(self.voice, "")
        return Voice(None if gender else self.voice, self.language, gender)


class _Payment:
    """One run of the verb."""

    def __init__(self, verb: PayVerb, control: CallControl, told: Status) -> None:
        self._verb = verb
        self._control = control
        self._told = told
        self._attempt = 1
        self._problem: Problem | Literal[""] = ""
        self._entries = Entries(verb.valid_card_types, verb.min_postal_code_length)

    async def made(self) -> tuple[str, _Charged]:
        """The result by its name, and what the connector said."""
        try:
            return await self._tried()
        finally:
            self._entries.typed.clear()

    async def _tried(self) -> tuple[str, _Charged]:
        charged = _Charged(False)
        while self._attempt <= self._verb.max_attempts:
            collected = await self._collected()
            if collected is None:
                await self._say("payment-cancelled")
                return "caller-interrupted-with-star", charged
            if not collected:
                return "too-many-failed-attempts", charged
            self._problem = ""
            self._told.tell(state="processing", attempt=self._attempt)
            await self._say("payment-processing")
            charged = await self._charged()
            if charged.ok:
                await self._say("payment-completed")
                return "success", charged
            self._problem = "card-declined"
            self._told.tell(state="failed", attempt=self._attempt, error_type=self._problem)
            await self._say("payment-failed")
            self._entries.typed.clear()
            self._attempt += 1
        return "payment-connector-error", charged

    @property
    def _steps(self) -> list[Step]:
        steps: list[Step] = ["payment-card-number", "expiration-date"]
        steps += ["security-code"] if self._verb.security_code else []
        return [*steps, "postal-code"] if self._verb.postal_code is True else steps

    async def _collected(self) -> bool | None:
        """True where all is there, False where the attempts are used up, None for a star."""
        async with private_line(self._control.call, "payment", "card") as line:
            asking = Asking(
                self._control,
                line,
                _ALOUD,
                self._verb.timeout,
                max(_FIRST_KEY, self._verb.timeout),
                self._verb.spoken,
            )
            for step in self._steps:
                done = await self._stepped(asking, line, step)
                if not done:
                    return done
            line.done("collected", _count(self._entries), by_key=True)
            return True

    async def _stepped(self, asking: Asking, line: PrivateLine, step: Step) -> bool | None:
        call = self._control.call
        while True:
            self._told.tell(**self._where("collecting", step))
            typing = self._entries.typing(step)
            await asking.attempt(self._words(step), typing)
            if typing.cancelled:
                line.done("cancelled", 0, by_key=True)
                return None
            problem = self._entries.take(step, typing.digits, call.services.now().date())
            if problem is None:
                self._problem = ""
                return True
            self._problem = problem
            self._told.tell(**self._where("invalid", step))
            self._attempt += 1
            if self._attempt > self._verb.max_attempts:
                line.done("invalid" if typing.digits else "no_input", 0, by_key=typing.terminated)
                return False

    def _where(self, state: str, step: Step) -> dict[str, Any]:
        about = {"state": state, "for": step, "attempt": self._attempt}
        about["payment_card_type"] = self._entries.card
        return about | ({"error_type": self._problem} if self._problem else {})

    def _words(self, step: Step) -> tuple[str, ...]:
        moment = Moment(
            step=step, attempt=self._attempt, card_type=self._entries.card, problem=self._problem
        )
        return words(self._verb.prompts, moment)

    async def _say(self, step: Step) -> None:
        await say(self._control, self._words(step), self._verb.spoken)

    async def _charged(self) -> _Charged:
        """Ask the connector. Once asked, its answer is waited for whether the caller stays or not:
        a charge is not undone by a hangup.
        """
        call = self._control.call
        body = json.dumps(self._body()).encode()
        answer: asyncio.Future[_Charged] = asyncio.get_running_loop().create_future()
        call.afterwork.add(_asked(call, self._verb.payment_connector_url, body, answer))
        return replace(await asyncio.shield(answer), card=self._entries.card)

    def _body(self) -> Mapping[str, Any]:
        verb, typed = self._verb, self._entries.typed
        date, postal = typed["expiration-date"], verb.postal_code
        return {
            "transaction_id": str(uuid4()),
            "method": verb.payment_method,
            "cardnumber": typed["payment-card-number"],
            "cvv": typed.get("security-code", ""),
            "postal_code": postal if isinstance(postal, str) else typed.get("postal-code", ""),
            "description": verb.description,
            "chargeAmount": verb.charge_amount or "0",
            "token_type": verb.token_type,
            "expiry_month": date[:2],
            "expiry_year": date[2:],
            "currency_code": verb.currency,
            "parameters": {item.name: item.value for item in verb.parameters},
        }


async def _asked(
    call: CallSession, url: str, body: bytes, answer: "asyncio.Future[_Charged]"
) -> None:
    headers = {"Content-Type": "application/json"}
    request = WebRequest(url, "POST", headers, body=body, timeout=_CONNECTOR)
    try:
        charged = _read(await call.services.web.ask(request))
    except CallError as error:
        charged = _Charged(False, code="connector", error=str(error))
    if not answer.done():
        answer.set_result(charged)


def _read(reply: WebReply) -> _Charged:
    try:
        said = reply.json()
    except ValueError:
        said = None
    if not isinstance(said, Mapping):
        return _Charged(False, code="connector", error=f"no JSON object, status {reply.status}")
    code, error = said.get("error_code"), said.get("error_message")
    if not reply.ok or code:
        return _Charged(False, code=str(code or reply.status), error=str(error or "")[:500])
    token, charge = (str(said.get(key) or "")[:500] for key in ("token_id", "charge_id"))
    return _Charged(True, token, charge)


def _count(entries: Entries) -> int:
    return sum(len(digits) for digits in entries.typed.values())


PAY: tuple[type[Verb], ...] = (PayVerb,)
