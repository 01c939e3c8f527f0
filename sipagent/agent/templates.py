"""Templates: `${...}` in what a plan's author wrote, filled from the call as it stands."""

from sipagent.call.session import CallSession
from sipagent.errors import PlanError
from sipagent.events import Warned


class Templates:
    """Only the author's own text is read for templates, and once: what a caller said stands in
    values, which are put in as they are.
    """

    def __init__(self, call: CallSession) -> None:
        self._call = call
        self._told: set[str] = set()

    def filled(self, text: str) -> str:
        """The text with its templates filled; as it stands where one cannot be, and on record."""
        try:
            value = self._call.services.expressions.expand(text, self._call.scope)
        except PlanError as error:
            if text not in self._told:
                self._told.add(text)
                self._call.emit(Warned, code="prompt_not_filled", detail=str(error))
            return text
        return value if isinstance(value, str) else str(value)
