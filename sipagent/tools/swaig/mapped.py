"""A function with a data_map: run here, its requests and templates the engine's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sipagent.call.control import CallControl
from sipagent.errors import PlanError
from sipagent.events import Warned

from ..data_map import CallData, DataMap, House, run
from .arguments import Arguments
from .request import Asking, body
from .result import SwaigResult, read_result
from .webhook import record

#: of the request a webhook would be sent, what templates find at the root
_ROOT = (
    "call_id", "ai_session_id", "app_name", "caller_id_name", "caller_id_num",
    "conversation_id", "function",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mapped:
    """`asking` is what a webhook would be told."""

    raw: Mapping[str, Any]
    asking: Asking
    schema: Arguments

    async def run(self, arguments: Mapping[str, Any], control: CallControl) -> SwaigResult:
        """Never raises: what went wrong is on record."""
        call, name = control.call, self.asking.function.function
        known = body(self.asking, arguments, self.schema.schema, call)
        try:
            declared = DataMap.read(self.raw)
        except PlanError as error:
            call.emit(Warned, code="swaig", detail=f"{name}: {error}")
            return SwaigResult(f"{name} cannot be used: it is declared wrongly.", ok=False)
        house = House(call.services.web, call.services.expressions, call.services.now)
        data = CallData(
            args=arguments,
            global_data=known.get("global_data", {}),
            meta_data=known["meta_data"],
            prompt_vars=call.scope.get("prompt_vars") or known.get("global_data", {}),
            call={key: known[key] for key in _ROOT if key in known},
        )
        mapped = await run(declared, data, house)
        for trouble in mapped.trouble:
            call.emit(Warned, code="data_map", detail=f"{name}: {trouble}")
        record(call, name, known, dict(mapped.result))
        return read_result(mapped.result)
