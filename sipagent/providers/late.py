"""Late: a kind of provider whose libraries are imported only where they are wanted."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Generic, TypeVar

from sipagent.errors import ProviderError

Organ_co = TypeVar("Organ_co", covariant=True)


class Late(Generic[Organ_co]):
    """Stands for a module with `preload()` and a function that makes the organ from
    `(kit, name, options)`: `maker`, since a vendor's ears and mouth may share a file.

    What the zygote imports is copied with every fork and thrown away with every call: page
    tables cost as much as pages. So heavy libraries are loaded before the first fork where
    settings or plans name them, and otherwise by the first call that does after all (a second).
    """

    def __init__(self, module: str, maker: str = "make", *, extra: str | None = None) -> None:
        """`extra` is what to install for it, where it is not installed with the rest."""
        self._module = module
        self._extra = extra
        self._maker = maker

    def __call__(self, *arguments: Any) -> Organ_co:
        """Make the organ. Raises ProviderError, also where its libraries are not installed."""
        make: Callable[..., Organ_co] = getattr(self._imported(), self._maker)
        return make(*arguments)

    def preload(self) -> None:
        """Import it now, and do what all its organs would do at their start. Raises ProviderError
        where its libraries are not installed.
        """
        self._imported().preload()

    def _imported(self) -> Any:
        try:
            return import_module(self._module)
        except ModuleNotFoundError as error:
            # one of our own that is missing is a mistake of ours
            if self._extra is None or (error.name or "").startswith("sipagent"):
                raise
            cause = f"needs {error.name}: pip install 'sipagent[{self._extra}]'"
            raise ProviderError(self._extra, cause, retryable=False) from error
