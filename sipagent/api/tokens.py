"""/v1/tokens: short-lived tokens for pages that embed the browser phone."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from .audit import Audit
from .calls import NoRoomNow, OutsideError
from .doors import needs, principal_of
from .short_tokens import LONGEST, ShortToken, ShortTokens, TooMany

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Pattern = Annotated[str, Field(min_length=1, max_length=128)]


class UnknownToken(OutsideError):
    """There is no such token in force."""

    status, kind = 404, "unknown-token"


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TokenWish(_Shown):
    """A token to be made: it may make browser calls, and nothing else."""

    name: Name = Field(description="whom calls with it are from on record: web:NAME")
    to: tuple[Pattern, ...] = Field(
        default=(), max_length=32, description="numbers it may call, * is anything; default: none"
    )
    listen: tuple[Name, ...] = Field(
        default=(), max_length=8, description="names it can be called by; default: none"
    )
    seconds: int = Field(default=300, ge=1, le=LONGEST, description="how long it may begin calls")


class TokenView(_Shown):
    """A token in force."""

    id: str
    name: str
    to: tuple[str, ...]
    listen: tuple[str, ...]
    expires: datetime
    issuer: str

    @classmethod
    def of(cls, token: ShortToken) -> "TokenView":
        """As it is shown."""
        return cls(**_fields(token))


class NewToken(TokenView):
    """A token as it is told once."""

    token: str


class Tokens(_Shown):
    """Those in force, the oldest first."""

    tokens: tuple[TokenView, ...]


def router(tokens: ShortTokens, audit: Audit) -> APIRouter:
    """The routes."""
    v1 = APIRouter(
        prefix="/v1/tokens", tags=["tokens"], dependencies=[Depends(needs("tokens:issue"))]
    )

    @v1.post("", status_code=201)
    async def issue(wish: TokenWish, request: Request, response: Response) -> NewToken:
        """Make a short-lived token for a page; what it is, is told this once."""
        who = principal_of(request)
        try:
            text, token = tokens.issue(wish.name, wish.to, wish.listen, wish.seconds, who.by)
        except TooMany as error:
            raise NoRoomNow("as many short-lived tokens live as may: webrtc.tokens") from error
        audit.note(who.by, who.origin, f"token {token.id}", "", "issued")
        response.headers["cache-control"] = "no-store"
        return NewToken(token=text, **_fields(token))

    @v1.get("")
    async def list_tokens() -> Tokens:
        """The short-lived tokens in force."""
        return Tokens(tokens=tuple(map(TokenView.of, tokens.all())))

    @v1.delete("/{token_id}", status_code=204)
    async def revoke(token_id: str, request: Request) -> None:
        """End one now: what lives on it is cut off, and its calls are hung up."""
        who = principal_of(request)
        if tokens.revoke(token_id) is None:
            raise UnknownToken(f"there is no token {token_id!r} in force")
        audit.note(who.by, who.origin, f"token {token_id[:32]}", "", "revoked")

    return v1


def _fields(token: ShortToken) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "to": token.to,
        "listen": token.listen,
        "expires": datetime.fromtimestamp(token.expires, UTC),
        "issuer": token.issuer,
    }
