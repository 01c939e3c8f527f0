"""Behind `Documents`: what a call reads while it is going on."""

from collections.abc import Mapping
from typing import Any

from sipagent.call.documents import Document
from sipagent.call.session import CallSession

from .reading import read_document


class SwmlDocuments:
    """See `Documents`."""

    def read(self, raw: Any, name: str) -> Document:
        """See `Documents`."""
        return read_document(raw, name)

    async def fetch(
        self, url: str, call: CallSession, params: Mapping[str, Any] | None = None
    ) -> Document:
        """See `Documents`."""
        raise NotImplementedError
