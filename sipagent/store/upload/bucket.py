"""Bucket: object storage by S3, the only user of the library that speaks it."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

import obstore
from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from sipagent.config.upload import Upload
from sipagent.store.ranged import Ranged
from sipagent.store.vault import VaultError

#: bytes asked for at once when an object is read, and sent at once of a long file
_AHEAD, _PART = 1 << 18, 5 << 20
#: of an error of the library, which quotes what the server answered
_LONGEST = 300
_Answer = TypeVar("_Answer")


class StoreFailed(VaultError):
    """Object storage did not do what it was asked; it may later."""


class Bucket:
    """One bucket. Every request ends within the timeout of the settings, and none is repeated here:
    whoever asks knows when to ask again.
    """

    def __init__(self, settings: Upload) -> None:
        self.name = settings.bucket
        self._where = settings.endpoint or f"S3 in {settings.region}"
        self._store = S3Store(
            settings.bucket,
            config=_config(settings),
            client_options={
                "allow_http": (settings.endpoint or "").startswith("http://"),
                "timeout": timedelta(seconds=settings.timeout),
                "connect_timeout": timedelta(seconds=min(10.0, settings.timeout)),
                "user_agent": "sipagent",
            },
            retry_config={"max_retries": 0},
        )

    async def put(self, name: str, content: Path | bytes, kind: str) -> None:
        """Write an object, in place of one of that name. Raises StoreFailed."""
        try:
            await obstore.put_async(
                self._store,
                name,
                content,
                attributes={"Content-Type": kind},
                chunk_size=_PART,
                max_concurrency=2,
            )
        except (BaseError, OSError) as error:
            raise self._failed(error) from error

    async def size(self, name: str) -> int | None:
        """Bytes of an object; None where there is none. Raises StoreFailed."""
        try:
            return (await obstore.head_async(self._store, name))["size"]
        except (NotFoundError, FileNotFoundError):
            return None
        except (BaseError, OSError) as error:
            raise self._failed(error) from error

    async def names(self, prefix: str) -> list[str]:
        """Every object in a folder. Raises StoreFailed."""
        found: list[str] = []
        try:
            async for page in obstore.list(self._store, f"{prefix}/"):
                found += [meta["path"] for meta in page]
        except (BaseError, OSError) as error:
            raise self._failed(error) from error
        return found

    async def delete(self, names: list[str]) -> None:
        """Remove objects; those that are not there are no error. Raises StoreFailed."""
        try:
            for name in names:
                await obstore.delete_async(self._store, name)
        except (NotFoundError, FileNotFoundError):
            return
        except (BaseError, OSError) as error:
            raise self._failed(error) from error

    def open(self, name: str, size: int, ahead: int = _AHEAD) -> BinaryIO:
        """The bytes of an object of this size, asked for as they are read, `ahead` of them at
        least. Reading raises StoreFailed.
        """
        return cast(BinaryIO, io.BufferedReader(_Object(self._part, name, size), ahead))

    def _part(self, name: str, start: int, length: int) -> bytes:
        return self._tried(
            lambda: bytes(obstore.get_range(self._store, name, start=start, length=length))
        )

    def _tried(self, work: Callable[[], _Answer]) -> _Answer:
        try:
            return work()
        except (BaseError, OSError) as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> StoreFailed:
        match error:
            case PermissionDeniedError() | UnauthenticatedError():
                why = "refuses our credentials, or does not allow this"
            case NotFoundError() | FileNotFoundError():
                why = "has no such bucket or object"
            case _:
                why = "cannot be had"
        told = " ".join(str(error).split("\n", 1)[0].split())[:_LONGEST]
        return StoreFailed(f"the bucket {self.name} at {self._where} {why}: {told}")


def _config(settings: Upload) -> Any:
    config: dict[str, Any] = {"region": settings.region}
    if settings.endpoint is not None:
        config |= {"endpoint": settings.endpoint, "virtual_hosted_style_request": False}
    if settings.access_key_id is not None and settings.secret_access_key is not None:
        config["access_key_id"] = settings.access_key_id.get_secret_value()
        config["secret_access_key"] = settings.secret_access_key.get_secret_value()
    if settings.checksum:
        config["checksum_algorithm"] = "SHA256"
    return config


class _Object(Ranged):
    """An object as a file."""

    def __init__(self, part: Callable[[str, int, int], bytes], name: str, size: int) -> None:
        super().__init__()
        self._part = part
        self._name = name
        self.size = size

    def _piece_at(self, place: int, most: int) -> bytes:
        return self._part(self._name, place, most)


def manifest(text: str) -> bytes:
    """As people read it."""
    return json.dumps(json.loads(text), indent=2).encode() + b"\n"
