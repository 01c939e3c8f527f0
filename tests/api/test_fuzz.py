"""Every operation of the API under requests made from its document: docs/api.md."""

from pathlib import Path

import pytest

from sipagent.testing.fuzz.http_server import fuzz_http


@pytest.mark.slow
@pytest.mark.timeout(400)  # some hundred requests, on a machine that may be busy
async def test_nothing_is_answered_but_what_the_document_says_and_to_whom(tmp_path: Path) -> None:
    report = await fuzz_http(tmp_path, examples=2)
    assert report.faults == []
    assert len(report.operations) > 60
    assert report.requests > 500
