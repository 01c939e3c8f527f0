"""Other calls of this server, as one call reaches them."""

from collections.abc import Mapping
from typing import Any, Protocol

from sipagent.errors import CallError


class OtherCalls(Protocol):
    """What a plan may ask of a call that is not its own. Policy has judged the one who asks."""

    async def execute(
        self, method: str, call_id: str | None, params: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """`ai_message` (`role`, `message_text`, `global_data`), `ai_hold`, `ai_unhold` in the
        call of that id; or `dial` a new one: `to`, `from`, and `dest_swml`, the document it is to
        run. Answers with `call_id`. Raises CallError: 404 where there is no such call.
        """
        ...


class NoOtherCalls:
    """A house of one call."""

    async def execute(
        self, method: str, call_id: str | None, params: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """See `OtherCalls`."""
        raise CallError("no other call can be reached from here")
