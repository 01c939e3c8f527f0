"""Extra: an engine whose package is installed only where it is wanted, in a module of its own."""

from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from sipagent.errors import ProviderError


class Extra:
    """`extra` of `pip install "sipagent[EXTRA]"`, the `package` it imports, and our `module` on
    top of it.
    """

    def __init__(self, extra: str, package: str, module: str) -> None:
        self._extra = extra
        self._package = package
        self._module = module

    def check(self, provider: str) -> None:
        """Nothing heavy is imported. Raises ProviderError where the package is missing."""
        if find_spec(self._package) is None:
            raise ProviderError(provider, self._missing, retryable=False)

    def preload(self) -> None:
        """Import it before the first fork where it is installed: a plan may only happen to have
        a word like its name in it.
        """
        with suppress(ProviderError):
            self.load(self._extra)

    def load(self, provider: str) -> ModuleType:
        """Our module, imported. Raises ProviderError."""
        self.check(provider)
        try:
            return import_module(self._module)
        except (ImportError, OSError) as error:
            cause = f"{self._package} cannot be imported: {error}"
            raise ProviderError(provider, cause, retryable=False) from error

    @property
    def _missing(self) -> str:
        return f'{self._package} is not installed: pip install "sipagent[{self._extra}]"'


def existing(provider: str, key: str, path: Path, *, folder: bool) -> Path:
    """A model's file or folder. Nothing is ever downloaded. Raises ProviderError."""
    if path.is_dir() if folder else path.is_file():
        return path
    what = "folder" if folder else "file"
    raise ProviderError(provider, f"{key}: there is no {what} {path}", retryable=False)
