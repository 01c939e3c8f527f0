"""Sending: a stored file as a response, whole or the part that was asked for (RFC 9110 14)."""

import asyncio
import re
from collections.abc import AsyncIterator
from email.utils import formatdate
from mimetypes import guess_type
from typing import BinaryIO

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from sipagent.store.vault import Stored, VaultError

from .calls import Unreadable
from .problems import answer

_BLOCK = 1 << 16
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


async def sent(file: Stored, request: Request) -> Response:
    """The file. Of several ranges at once it is sent whole, as RFC 9110 allows. What cannot be
    read at the beginning is an error; later, the answer ends before its length. Raises Unreadable.
    """
    tag = f'"{file.size:x}-{int(file.modified * 1e6):x}"'
    headers = {"accept-ranges": "bytes", "etag": tag}
    if file.modified:
        headers["last-modified"] = formatdate(file.modified, usegmt=True)
    wanted = request.headers.get("range")
    if request.headers.get("if-range", tag) not in (tag, headers.get("last-modified")):
        wanted = None
    span = _span(wanted, file.size)
    if span is None:
        refused = answer(416, f"the recording has {file.size} bytes")
        refused.headers["content-range"] = f"bytes */{file.size}"
        return refused
    start, end = span
    headers["content-length"] = str(end - start)
    partial = wanted is not None and (start, end) != (0, file.size)
    if partial:
        headers["content-range"] = f"bytes {start}-{end - 1}/{file.size}"
    try:
        opened, first = await asyncio.to_thread(_begun, file, start, min(_BLOCK, end - start))
    except (OSError, VaultError) as error:
        raise Unreadable(str(error)) from error
    kind = guess_type(file.path.name)[0] or "application/octet-stream"
    body = _pieces(opened, first, end - start)
    return StreamingResponse(body, 206 if partial else 200, headers, kind)


def _span(wanted: str | None, size: int) -> tuple[int, int] | None:
    """First byte, and the one after the last; None for a range that is not there."""
    found = _RANGE.fullmatch((wanted or "").replace(" ", ""))
    if found is None or not any(found.groups()):
        return 0, size
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return 0, size  # not valid: as if it were not there
    return (start, end) if start < end else None


def _begun(file: Stored, start: int, length: int) -> tuple[BinaryIO, bytes]:
    opened = file.open()
    try:
        opened.seek(start)
        return opened, opened.read(length)
    except BaseException:  # what reading raises is its owner's: sealed, on a disk, far away
        opened.close()
        raise


async def _pieces(file: BinaryIO, first: bytes, left: int) -> AsyncIterator[bytes]:
    """`first`, and what comes after it; the file is closed with the last, or when nobody wants
    more.
    """
    try:
        piece = first
        while piece:
            left -= len(piece)
            yield piece
            piece = await asyncio.to_thread(file.read, min(_BLOCK, left))
    finally:
        file.close()
