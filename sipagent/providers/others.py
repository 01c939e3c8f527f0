"""Providers that other packages bring: the entry points in the group `sipagent.providers`."""

from contextlib import suppress
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from sipagent.errors import ProviderError

GROUP = "sipagent.providers"


def others(role: str) -> dict[str, "Other"]:
    """Makers of one role by kind. Nothing is imported before it is wanted.

    An entry point is listed whatever its roles, since only importing it would tell: asking for
    one that it does not have raises ProviderError.
    """
    points = entry_points(group=GROUP)
    return {point.name: Other(point, role) for point in reversed(tuple(points))}


class Other:
    """A maker behind an entry point: a module, or any object, with `ears`, `mind` or `mouth`."""

    def __init__(self, point: EntryPoint, role: str) -> None:
        self._point = point
        self._role = role

    def __call__(self, *arguments: Any) -> Any:
        """Make the organ. Raises ProviderError, naming the package where it is to blame."""
        maker = getattr(self._loaded(), self._role, None)
        if maker is None:
            cause = f"{self._from} brings no {self._role}"
            raise ProviderError(self._point.name, cause, retryable=False)
        try:
            return maker(*arguments)
        except ProviderError:
            raise
        except Exception as error:
            # The border to someone else's code: anything may come out of it.
            cause = f"{self._from} failed: {type(error).__name__}: {error}"
            raise ProviderError(self._point.name, cause, retryable=False) from error

    def preload(self) -> None:
        """Import it before the first fork. Where that fails its first use will tell."""
        with suppress(ProviderError):
            preload = getattr(self._loaded(), "preload", None)
            if preload is not None:
                preload()

    @property
    def _from(self) -> str:
        package = self._point.dist.name if self._point.dist is not None else "a package"
        return f"{self._point.value} of {package}"

    def _loaded(self) -> Any:
        try:
            return self._point.load()
        except Exception as error:
            # An import of someone else's code, see above.
            cause = f"{self._from} cannot be imported: {type(error).__name__}: {error}"
            raise ProviderError(self._point.name, cause, retryable=False) from error
