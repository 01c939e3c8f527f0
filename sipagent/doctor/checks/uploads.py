"""Does object storage take what it is to keep, and let go of it?"""

import secrets
from collections.abc import Sequence

from sipagent.doctor.aside import aside
from sipagent.doctor.check import Check
from sipagent.doctor.findings import Ailment, Finding, Severity, fine
from sipagent.doctor.patient import Patient
from sipagent.store.upload.away import uploads_folder
from sipagent.store.upload.bucket import Bucket, StoreFailed
from sipagent.store.upload.spool import Spool

_KEY = "store.upload"

BUCKET_REFUSES = Ailment(
    "bucket-refuses",
    Severity.WARNING,
    "object storage does not take what is to be kept there; it waits on this disk and is tried "
    "again",
    "set endpoint, region, bucket and keys as the store gave them, with leave to write and read "
    "objects",
)
BUCKET_KEEPS = Ailment(
    "bucket-keeps",
    Severity.WARNING,
    "object storage does not let go of an object: retention and erasures leave there what should "
    "be gone",
    "allow these keys to delete objects, or look after that at the store (lifecycle, object lock)",
)
UPLOADS_FAIL = Ailment(
    "uploads-fail",
    Severity.WARNING,
    "bundles could not be sent when they were tried last",
    "`sipagent uploads` shows why; `sipagent uploads retry` has them tried now",
)


async def _run(patient: Patient) -> Sequence[Finding]:
    settings = patient.settings
    if settings.store.upload is None:
        return [fine("no uploads are set")]
    upload = settings.store.upload
    found = await _tried(Bucket(upload), f"{upload.prefix.strip('/')}/".lstrip("/"))
    spool = Spool(uploads_folder(settings) / "waiting")
    waiting = await aside(lambda: list(spool.all()))
    causes = dict.fromkeys(entry.error for entry in waiting if entry.error)
    if causes:
        what = f"bundles that wait: {len(waiting)}; {next(iter(causes))}"
        return [found, UPLOADS_FAIL.found(what, key=_KEY)]
    return [found, fine(f"bundles that wait to be uploaded: {len(waiting)}", _KEY)]


async def _tried(bucket: Bucket, prefix: str) -> Finding:
    """One small object is written where bundles go, looked for, and removed."""
    name, content = f"{prefix}sipagent-doctor-{secrets.token_hex(6)}", b"to be removed at once\n"
    try:
        await bucket.put(name, content, "text/plain")
        there = await bucket.size(name)
    except StoreFailed as error:
        return BUCKET_REFUSES.found(str(error), key=_KEY)
    if there != len(content):
        what = f"the bucket {bucket.name} does not show what was written: {name}"
        return BUCKET_REFUSES.found(what, key=_KEY)
    try:
        await bucket.delete([name])
    except StoreFailed as error:
        return BUCKET_KEEPS.found(f"{error} ({name} is left there)", key=_KEY)
    return fine(f"the bucket {bucket.name} takes objects and lets go of them", _KEY)


CHECK = Check(
    "uploads",
    "object storage of bundles",
    _run,
    (BUCKET_REFUSES, BUCKET_KEEPS, UPLOADS_FAIL),
    seconds=25.0,
)
