"""Do trunks answer, and do they take our registration?"""

import asyncio
from collections.abc import Sequence

from sipagent.config import Trunk
from sipagent.doctor.check import Check
from sipagent.doctor.findings import Ailment, Finding, Severity, fine
from sipagent.doctor.interviews import Interview
from sipagent.doctor.patient import Patient
from sipagent.edge.trunks.status import Cause, Reach, Standing, TrunkStatus

#: answers of a server that is there and takes no calls
_NOT_NOW = frozenset({408, 503, 504})
#: round trips, ms, above which talk becomes an exchange of letters (ITU-T G.114: 150 one way)
_FAR = 300.0

WRONG_PASSWORD = Ailment(
    "wrong-password",
    Severity.PROBLEM,
    "the registrar refuses the password, or the name it goes with in digest",
    "set password; auth_username where digest wants another name than username",
)
NO_PASSWORD = Ailment(
    "password-missing",
    Severity.PROBLEM,
    "the registrar asks for a password and none is set, or by a digest we do not have",
    "set password",
)
FORBIDDEN = Ailment(
    "registration-forbidden",
    Severity.PROBLEM,
    "the registrar does not let us in: the account is locked, or not good from this address",
    "ask the carrier, with our public address at hand",
)
UNKNOWN_ACCOUNT = Ailment(
    "account-unknown",
    Severity.PROBLEM,
    "the registrar has no such account",
    "set username and host as the carrier gave them",
)
REFUSED = Ailment(
    "registration-refused",
    Severity.PROBLEM,
    "the registrar refuses for the reason it says",
    "ask the carrier, with that status",
)
NO_REGISTRAR = Ailment(
    "registrar-silent",
    Severity.PROBLEM,
    "no answer to REGISTER: the wrong host or port, a firewall, or the registrar is down",
    "check host, port and transport; see whether `OPTIONS` is answered and our packets leave",
)
UNREACHABLE = Ailment(
    "trunk-unreachable",
    Severity.PROBLEM,
    "no connection: the port is closed, a firewall refuses, or TLS does not come about",
    "check host, port and transport; for TLS the name in the trunk's certificate",
)
NO_NAME = Ailment(
    "trunk-no-name",
    Severity.PROBLEM,
    "the trunk's name has no address",
    "see the check `dns`",
)
SILENT = Ailment(
    "trunk-silent",
    Severity.WARNING,
    "no answer to OPTIONS: the wrong host or port, a firewall, a trunk that knows us only at our "
    "usual port, or one that never answers strangers",
    "check host, port and transport; a registration or `--call` tells for certain",
)
NO_OPTIONS = Ailment(
    "options-ignored",
    Severity.NOTE,
    "the trunk is up and answers no OPTIONS",
    "leave options_seconds at 0 for it",
)
NOT_NOW = Ailment(
    "trunk-takes-no-calls",
    Severity.PROBLEM,
    "the trunk answers that it is out of service, or a proxy does for one that is silent",
    "ask the carrier, with that status",
)
FAR_AWAY = Ailment(
    "trunk-far-away",
    Severity.WARNING,
    "the way to the trunk and back takes longer than talk bears, before anybody has thought",
    "use a point of presence nearby",
)
TRYING = Ailment(
    "registration-under-way",
    Severity.NOTE,
    "the server is registering just now",
    "look again in a few seconds: sipagent trunks",
)

_BY_CAUSE = {
    Cause.WRONG_PASSWORD: (WRONG_PASSWORD, "password"),
    Cause.NO_PASSWORD: (NO_PASSWORD, "password"),
    Cause.FORBIDDEN: (FORBIDDEN, "username"),
    Cause.UNKNOWN_ACCOUNT: (UNKNOWN_ACCOUNT, "username"),
    Cause.REFUSED: (REFUSED, "registration"),
    Cause.NO_ANSWER: (NO_REGISTRAR, "host"),
    Cause.NO_NAME: (NO_NAME, "host"),
    Cause.UNREACHABLE: (UNREACHABLE, "host"),
}


async def _registrations(patient: Patient) -> Sequence[Finding]:
    wanted = [n for n, trunk in patient.settings.trunks.items() if trunk.registration]
    if not wanted:
        return [fine("no trunk registers")]
    return await asyncio.gather(*(_registration(patient, name) for name in wanted))


async def _registration(patient: Patient, name: str) -> Finding:
    """As the server that runs sees it, whose registration is not to be touched; else tried."""
    status = patient.trunks.get(name)
    if status is not None and status.registration is not Standing.OFF:
        return _standing(status)
    enrolled = await patient.interviews.register(name)
    if enrolled.cause is not None:
        return _failed(name, enrolled.cause, enrolled.why)
    assert enrolled.granted is not None
    return fine(f"{name}: {enrolled.granted.peer} takes our registration", f"trunks.{name}")


def _standing(status: TrunkStatus) -> Finding:
    key = f"trunks.{status.name}"
    if status.registration is Standing.REGISTERED:
        return fine(f"{status.name}: registered at {status.registrar}", key)
    if status.registration is Standing.ELSEWHERE and not status.why:
        return fine(f"{status.name}: node {status.node or '?'} registers for all", key)
    if status.cause is not None and status.why:
        return _failed(status.name, status.cause, status.why)
    return TRYING.found(f"{status.name}: {status.registration}", key=key)


def _failed(name: str, cause: Cause, why: str) -> Finding:
    ailment, key = _BY_CAUSE[cause]
    return ailment.found(f"{name}: {why}", key=f"trunks.{name}.{key}")


async def _answers(patient: Patient) -> Sequence[Finding]:
    names = list(patient.settings.trunks)
    if not names:
        return [fine("there are no trunks")]
    asked = await asyncio.gather(*(patient.interviews.options(name) for name in names))
    return [
        await _answer(patient, name, patient.settings.trunks[name], interview)
        for name, interview in zip(names, asked, strict=True)
    ]


async def _answer(patient: Patient, name: str, trunk: Trunk, told: Interview) -> Finding:
    key = f"trunks.{name}.host"
    if told.answer is not None:
        status = told.answer.status
        if status in _NOT_NOW:
            return NOT_NOW.found(f"{name}: {told.peer} answers OPTIONS with {status}", key=key)
        if told.ms > _FAR:
            return FAR_AWAY.found(f"{name}: {told.ms:.0f} ms to {told.peer} and back", key=key)
        return fine(f"{name}: {told.peer} answers in {told.ms:.0f} ms ({status})", key)
    if told.cause is Cause.NO_ANSWER:
        up = await _is_up(patient, name, trunk)
        return (NO_OPTIONS if up else SILENT).found(f"{name}: {told.why}", key=key)
    assert told.cause is not None
    return _failed(name, told.cause, told.why)


async def _is_up(patient: Patient, name: str, trunk: Trunk) -> bool:
    """Does it register us, though it answers no OPTIONS?"""
    status = patient.trunks.get(name)
    if status is not None:
        return status.reach is Reach.UP
    if trunk.registration is None:
        return False
    return (await patient.interviews.register(name)).granted is not None


OPTIONS = Check(
    "trunks",
    "answers of trunks",
    _answers,
    (SILENT, NO_OPTIONS, NOT_NOW, FAR_AWAY, UNREACHABLE, NO_NAME),
    seconds=40.0,
)
REGISTRATION = Check(
    "registration",
    "registrations at trunks",
    _registrations,
    (
        *(WRONG_PASSWORD, NO_PASSWORD, FORBIDDEN, UNKNOWN_ACCOUNT, REFUSED, NO_REGISTRAR),
        *(UNREACHABLE, NO_NAME, TRYING),
    ),
    seconds=40.0,
)
