"""Away: the files of bundles that are in object storage, read as if they were here."""

from pathlib import Path
from typing import BinaryIO

from sipagent.config import Settings
from sipagent.store.vault import Files

from .bucket import Bucket, StoreFailed
from .receipts import Receipts


class Away:
    """`Elsewhere` of bundles that were uploaded; a bundle is known by the name of its folder."""

    def __init__(self, bucket: Bucket, receipts: Receipts) -> None:
        self._bucket = bucket
        self._receipts = receipts

    def holds(self, path: Path) -> bool:
        """See `Elsewhere`."""
        receipt = self._receipts.get(path.parent.name)
        return receipt is not None and receipt.sent(path.name) is not None

    def open(self, path: Path) -> BinaryIO:
        """See `Elsewhere`."""
        receipt = self._receipts.get(path.parent.name)
        sent = receipt.sent(path.name) if receipt is not None else None
        if receipt is None or sent is None:
            raise FileNotFoundError(str(path))
        if receipt.bucket != self._bucket.name:
            raise StoreFailed(
                f"{path} is in the bucket {receipt.bucket}, and store.upload has another"
            )
        return self._bucket.open(f"{receipt.prefix}/{path.name}", sent.bytes)


def uploads_folder(settings: Settings) -> Path:
    """Where spool and receipts are."""
    return settings.state_folder / "uploads"


def files_of(settings: Settings) -> Files:
    """How the files of bundles are read here, those that are away among them."""
    upload = settings.store.upload
    if upload is None:
        return Files.of(settings.store)
    receipts = Receipts(uploads_folder(settings))
    return Files.of(settings.store, Away(Bucket(upload), receipts))
