"""Every agent that comes with the SDKs is read here without an error."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sipagent.dialplan.swml.ai import agent_of
from sipagent.dialplan.swml.organs import Vocabulary
from sipagent.dialplan.swml.reading import read_document
from sipagent.errors import PlanError
from sipagent.testing import processes

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
HERE = Path(__file__).parent
PREFABS = {"concierge", "faq_bot", "info_gatherer", "receptionist", "survey", "skilled"}
#: they build their service only with keys, files or servers that are not here
_LEAST = 50
SERVER = Vocabulary({"mind": "openai"}, {"openai"})


def examples() -> list[Path]:
    """The example files in the package `signalwire`; the older one has none."""
    spec = find_spec("signalwire")
    assert spec is not None and spec.origin is not None
    found = sorted((Path(spec.origin).parent / "_docs").rglob("*.py"))
    return [file for file in found if "relay" not in file.name and "rest" not in file.parts]


async def dumped(folder: Path, package: str, files: list[Path]) -> list[dict[str, Any]]:
    """What the SDK says of each file."""
    log = folder / f"{package}.jsonl"
    command = [sys.executable, str(HERE / "dump.py"), package, *map(str, files)]
    process = await processes.start(command, log, folder, {"SDK": package})
    try:
        async with asyncio.timeout(100):
            await process.wait()
    finally:
        await processes.stop(process)
    lines = (line for line in log.read_text().splitlines() if line.startswith('{"file"'))
    return [json.loads(line) for line in lines]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def documents(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[dict[str, dict[str, Any]]]:
    """Documents by file and name of the service."""
    folder = tmp_path_factory.mktemp("sdk")
    gallery = [HERE / "agents" / "gallery.py"]
    old, new = await asyncio.gather(
        dumped(folder, "signalwire_agents", gallery),
        dumped(folder, "signalwire", [*gallery, *examples()]),
    )
    found: dict[str, dict[str, Any]] = {}
    for package, lines in (("signalwire_agents", old), ("signalwire", new)):
        for line in lines:
            for service in line.get("services", ()):
                found[f"{package} {line['file']} {service['name']}"] = service["document"]
    yield found


def objects(node: Any) -> Iterator[Mapping[str, Any]]:
    """Every `ai` object of a document."""
    if isinstance(node, Mapping):
        if isinstance(node.get("ai"), Mapping):
            yield node["ai"]
        for value in node.values():
            yield from objects(value)
    elif isinstance(node, list):
        for value in node:
            yield from objects(value)


async def test_every_document_and_agent_of_the_sdks_is_read(
    documents: dict[str, dict[str, Any]],
) -> None:
    assert len(documents) >= _LEAST, sorted(documents)
    for package in ("signalwire_agents", "signalwire"):
        assert {f"{package} gallery.py {name}" for name in PREFABS} <= documents.keys()
    wrong: list[str] = []
    agents = 0
    for name, document in documents.items():
        try:
            assert read_document(document, name).program["main"]
            for ai in objects(document):
                spec = agent_of(ai, SERVER).spec
                assert spec.prompt or spec.contexts
                agents += 1
        except (PlanError, AssertionError) as error:
            wrong.append(f"{name}: {error}")
    assert wrong == []
    assert agents >= _LEAST - 10


async def test_what_is_ignored_of_them_is_said(documents: dict[str, dict[str, Any]]) -> None:
    remarks = {
        remark
        for name, document in documents.items()
        for remark in (
            *read_document(document, name).remarks,
            *(note for ai in objects(document) for note in agent_of(ai, SERVER).notes),
        )
    }
    unknown = sorted(remark for remark in remarks if "unknown" in remark or "not known" in remark)
    assert unknown == []
