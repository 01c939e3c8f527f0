"""The OpenAPI document: beside what routes take and give, whom they let in and how they refuse."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from sipagent.config import ROLES, Scope

from .doors import Needs
from .problems import MEDIA_TYPE, TITLES

#: any request may hear these, but for the open paths
_ALWAYS = (401, 403, 421, 422, 429, 503)
#: and these, where there is a path's key, or a body
_WITH_KEY, _WITH_BODY = (404,), (409, 413)
_OPEN = (421, 503)
_TOKEN = "token"  # noqa: S105 - the scheme's name


class Problem(BaseModel):
    """Why a request came to nothing (RFC 9457)."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    type: str = Field(description="urn:sipagent:problem: and what it is, for programs")
    title: str
    status: int
    detail: str = Field(description="what is wrong, for people")
    place: str = Field(default="", description="the key that is wrong, where one is")


def install(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Have the app's document say all of it; what is in none of the routers needs no token."""
    scopes = {place: found for router in routers for place, found in _scopes(router)}
    made: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not made:
            made.update(_complete(FastAPI.openapi(app), scopes))
        return made

    app.openapi = openapi  # type: ignore[method-assign]


def _scopes(router: APIRouter) -> Iterator[tuple[tuple[str, str], tuple[Scope, ...]]]:
    """By path and method, all that are needed together."""
    for route in router.routes:
        if isinstance(route, APIRoute):
            asked = [depends.dependency for depends in (*router.dependencies, *route.dependencies)]
            scopes = {needs.scope for needs in asked if isinstance(needs, Needs)}
            for method in route.methods or ():
                yield (route.path_format, method.lower()), tuple(sorted(scopes))


def _complete(
    document: dict[str, Any], scopes: Mapping[tuple[str, str], tuple[Scope, ...]]
) -> dict[str, Any]:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = Problem.model_json_schema()
    roles = "; ".join(f"{role}: {', '.join(sorted(may))}" for role, may in ROLES.items())
    components["securitySchemes"] = {
        _TOKEN: {"type": "http", "scheme": "bearer", "description": f"Scopes of a role: {roles}"}
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            operation["responses"].pop("422", None)
            needed = scopes.get((path, method))
            operation["security"] = [] if needed is None else [{_TOKEN: list(needed)}]
            declared = {int(status) for status in operation["responses"] if status >= "400"}
            for status in sorted(declared | _refusals(path, operation, needed is None)):
                operation["responses"][str(status)] = _refusal(status)
    return document


def _refusals(path: str, operation: dict[str, Any], open_to_all: bool) -> set[int]:
    """Beside what a route declares itself."""
    if open_to_all:
        return set(_OPEN)
    with_key = _WITH_KEY if "{" in path else ()
    with_body = _WITH_BODY if "requestBody" in operation else ()
    return {*_ALWAYS, *with_key, *with_body}


def _refusal(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": TITLES[status][1], "content": {MEDIA_TYPE: {"schema": schema}}}
