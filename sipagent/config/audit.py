"""Settings of the audit chain: the keys that sign it."""

from typing import Annotated

from pydantic import Field

from .parts import OneOrMore, Part


class AuditChain(Part):
    """Who did what, in a file that shows whether it was changed. Without a key whoever may write
    the folder may also write all of it anew; with one only who knows the key.
    """

    key_env: Annotated[tuple[str, ...], OneOrMore] = Field(
        default=(),
        description="environment variables that hold a key each, 16 characters or more, the newest "
        "first: it signs, and all of them verify",
    )
