"""Is there a codec that we and each trunk speak?"""

import asyncio
import re
from collections.abc import Iterator, Sequence

from sipagent.call.cdr import Cdr
from sipagent.config import Settings
from sipagent.doctor.check import Check
from sipagent.doctor.findings import Ailment, Finding, Severity, fine
from sipagent.doctor.outpost import sdp_of
from sipagent.doctor.patient import Patient
from sipagent.errors import SipAgentError
from sipagent.store.database import sqlite_file
from sipagent.store.records import Store

#: names of static payload types (RFC 3551 table 4)
_STATIC = {"0": "PCMU", "3": "GSM", "4": "G723", "8": "PCMA", "9": "G722", "18": "G729"}
_MEDIA = re.compile(r"^m=audio \d+ (\S+) (.*)$", re.MULTILINE)
_MAP = re.compile(r"^a=rtpmap:(\d+) ([^/\s]+)", re.MULTILINE)
_NOT_SOUND = frozenset({"TELEPHONE-EVENT", "CN", "RED"})
#: records that are looked through
_LOOKED = 200
#: Not Acceptable Here (RFC 3261 section 21.4.26)
_NOT_ACCEPTABLE = 488

NO_COMMON_CODEC = Ailment(
    "no-common-codec",
    Severity.PROBLEM,
    "the trunk speaks no codec that is set here: every call by it ends with 488",
    "add one of its codecs to media.codecs or to the trunk's codecs (PCMU, PCMA, G722), or have "
    "the trunk allow one of ours",
)
SRTP_MISMATCH = Ailment(
    "srtp-mismatch",
    Severity.PROBLEM,
    "one side wants encrypted media and the other refuses it",
    "set srtp of the trunk to what it does: off, optional or required",
)
REFUSED_LATELY = Ailment(
    "calls-without-media",
    Severity.WARNING,
    "calls on record ended with 488: no codec in common, or encryption on one side only",
    "`sipagent calls show` has the SIP ladder; set codecs and srtp of the trunk",
)


async def _run(patient: Patient) -> Sequence[Finding]:
    settings = patient.settings
    names = list(settings.trunks)
    asked = await asyncio.gather(*(patient.interviews.options(name) for name in names))
    found: list[Finding] = []
    for name, interview in zip(names, asked, strict=True):
        if interview.answer is not None and (sdp := sdp_of(interview.answer)):
            found += _offered(name, sdp, settings)
    found += await _on_record(settings)
    return found or [fine(f"no call was refused for its media; ours: {_ours(settings)}")]


def _ours(settings: Settings, name: str = "") -> str:
    own = settings.trunks[name].codecs if name else ()
    return ", ".join(own or settings.media.codecs)


def _offered(name: str, sdp: str, settings: Settings) -> Iterator[Finding]:
    """What the SDP of a trunk's answer to OPTIONS says (RFC 3261 section 11.2)."""
    described = _MEDIA.search(sdp)
    if described is None:
        return
    names = {**_STATIC, **{number: codec.upper() for number, codec in _MAP.findall(sdp)}}
    theirs = [names.get(number, f"payload type {number}") for number in described[2].split()]
    theirs = [codec for codec in theirs if codec not in _NOT_SOUND]
    ours = settings.trunks[name].codecs or settings.media.codecs
    key = f"trunks.{name}.codecs"
    if not set(theirs) & set(ours):
        what = f"{name} speaks {', '.join(theirs) or 'nothing'}; we speak {', '.join(ours)}"
        yield NO_COMMON_CODEC.found(what, key=key)
        return
    srtp = settings.trunks[name].srtp or settings.media.srtp
    encrypted = "SAVP" in described[1]
    if (encrypted and srtp == "off") or (not encrypted and srtp == "required"):
        what = f"{name} describes {described[1]}, and srtp is {srtp} here"
        yield SRTP_MISMATCH.found(what, key=f"trunks.{name}.srtp")
        return
    both = [codec for codec in ours if codec in theirs]
    yield fine(f"{name}: {', '.join(both)} in common", key)


async def _on_record(settings: Settings) -> list[Finding]:
    """What the last calls came to, where there is a database already."""
    file = sqlite_file(settings.store.database)
    if file is not None and not file.exists():
        return []
    try:
        store = Store(settings.store.database, settings.store.bundles / "events.jsonl")
    except SipAgentError:
        return []
    try:
        records = (await store.search(limit=_LOOKED)).calls
    except SipAgentError:
        return []  # told by the check of the disk
    finally:
        await store.close()
    refused = [record for record in records if _without_media(record)]
    if not refused:
        return []
    last = refused[0]
    what = f"{len(refused)} of the last {len(records)} calls, the newest {last.call_id}"
    return [REFUSED_LATELY.found(what, key="media.codecs")]


def _without_media(record: Cdr) -> bool:
    statuses = {record.status, *(transfer.status for transfer in record.transfers)}
    return _NOT_ACCEPTABLE in statuses


CHECK = Check(
    "codecs",
    "codecs in common",
    _run,
    (NO_COMMON_CODEC, SRTP_MISMATCH, REFUSED_LATELY),
    seconds=25.0,
)
