"""Asks: each request of a client as data: what is sent, and what is read of the answer. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from sipagent.api.calls import Calls, CallView, Done, Origination, Transcript
from sipagent.api.keeping import Certificate, ErasureWish, RetentionView
from sipagent.api.nodes_view import NodesView
from sipagent.api.operating import (
    Checked,
    Dialplans,
    Draining,
    Phones,
    PlanGraph,
    Reloaded,
    Status,
    Trunks,
)
from sipagent.api.record_book import Records
from sipagent.call.cdr import Cdr
from sipagent.call.search import Search
from sipagent.store.story import Story

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
#: for an answer that waits for nobody, seconds
PATIENCE = 15.0


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """`patience` is None for what takes as long as people do."""

    method: str
    path: str
    read: Callable[[bytes], T]
    params: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    text: str | None = None
    patience: float | None = PATIENCE


def calls() -> Ask[Calls]:
    """The calls that live."""
    return _get("/v1/calls", Calls)


def call(call_id: str) -> Ask[CallView]:
    """One call."""
    return _get(call_path(call_id), CallView)


def originate(wish: Origination) -> Ask[CallView]:
    """Call somebody."""
    body = wish.model_dump(mode="json", exclude_unset=True)
    return Ask("POST", "/v1/calls", CallView.model_validate_json, body=body)


def do(call_id: str, verb: str, arguments: Mapping[str, Any]) -> Ask[Done]:
    """A verb on a live call."""
    path = f"{call_path(call_id)}/verbs/{quote(verb, safe='')}"
    return Ask("POST", path, Done.model_validate_json, body=dict(arguments), patience=None)


def transcript(call_id: str) -> Ask[Transcript]:
    """Who said what."""
    return _get(f"{call_path(call_id)}/transcript", Transcript)


def recording(call_id: str, name: str) -> Ask[bytes]:
    """A finished recording."""
    path = f"{call_path(call_id)}/recordings/{quote(name, safe='')}"
    return Ask("GET", path, bytes, patience=None)


def records(wanted: Search, limit: int, after: str) -> Ask[Records]:
    """A page of calls on record."""
    found = wanted.model_dump(mode="json", exclude_defaults=True)
    params = {key: str(value) for key, value in found.items()} | {"limit": str(limit)}
    if after:
        params["after"] = after
    return Ask("GET", "/v1/records", Records.model_validate_json, params)


def record(call_id: str) -> Ask[Cdr]:
    """The record of a call."""
    return _get(f"/v1/records/{quote(call_id, safe='')}", Cdr)


def story(call_id: str) -> Ask[Story]:
    """All that a page about it shows."""
    return _get(f"{call_path(call_id)}/story", Story)


def timeline(call_id: str) -> Ask[str]:
    """Its picture, SVG."""
    return Ask("GET", f"{call_path(call_id)}/timeline.svg", bytes.decode)


def status() -> Ask[Status]:
    """The server."""
    return _get("/v1/status", Status)


def trunks() -> Ask[Trunks]:
    """Its trunks."""
    return _get("/v1/trunks", Trunks)


def phones() -> Ask[Phones]:
    """Its phones."""
    return _get("/v1/phones", Phones)


def dialplans() -> Ask[Dialplans]:
    """Its dialplans."""
    return _get("/v1/dialplans", Dialplans)


def graph(name: str) -> Ask[PlanGraph]:
    """One of them, drawn."""
    return _get(f"/v1/dialplans/{quote(name, safe='')}/graph", PlanGraph)


def check(document: str) -> Ask[Checked]:
    """What is wrong with a document."""
    read = Checked.model_validate_json
    return Ask("POST", "/v1/dialplans/check", read, text=document, patience=60)


def reload() -> Ask[Reloaded]:
    """Have files read again."""
    return Ask("POST", "/v1/reload", Reloaded.model_validate_json, patience=60)


def nodes() -> Ask[NodesView]:
    """The nodes of its cluster."""
    return _get("/v1/nodes", NodesView)


def drain(node: str) -> Ask[Draining]:
    """Have it, or a node of its cluster, take no new calls."""
    return Ask("POST", f"{_whose(node)}/drain", Draining.model_validate_json)


def undrain(node: str) -> Ask[Draining]:
    """Have it take calls again."""
    return Ask("POST", f"{_whose(node)}/undrain", Draining.model_validate_json)


def draining(node: str) -> Ask[Draining]:
    """How far it is."""
    return _get(f"{_whose(node)}/drain", Draining)


def retention() -> Ask[RetentionView]:
    """How long records stay."""
    return _get("/v1/retention", RetentionView)


def erase(wish: ErasureWish) -> Ask[Certificate]:
    """Remove one caller's data; it takes as long as there is of it."""
    body = wish.model_dump(mode="json")
    read = Certificate.model_validate_json
    return Ask("POST", "/v1/erasures", read, body=body, patience=None)


def call_path(call_id: str) -> str:
    """Where a call is."""
    return f"/v1/calls/{quote(call_id, safe='')}"


def _whose(node: str) -> str:
    return f"/v1/nodes/{quote(node, safe='')}" if node else "/v1/system"


def _get(path: str, model: type[M]) -> Ask[M]:
    return Ask("GET", path, model.model_validate_json)
