"""/v1/me: what a token may do, so that a program offers nothing that is refused."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from sipagent.config import Scope

from .doors import client_of


class Me(BaseModel):
    """A token, by what it may do."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(description="the token's, as it stands on record")
    scopes: tuple[Scope, ...]
    verbs: tuple[str, ...] | None = Field(
        default=None, description="those it may use on calls; null: every verb"
    )


def router() -> APIRouter:
    """The route: any token may ask it."""
    me = APIRouter(prefix="/v1", tags=["server"])

    @me.get("/me")
    async def get_me(request: Request) -> Me:
        """Who the token is, and what it may do."""
        client = client_of(request)
        verbs = None if client.verbs is None else tuple(sorted(client.verbs))
        return Me(name=client.name, scopes=tuple(sorted(client.scopes)), verbs=verbs)

    return me
