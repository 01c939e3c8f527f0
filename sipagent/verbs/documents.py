"""Documents of others that run in a call: bounded, in the name of whoever brought them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from sipagent.call.by import function_of
from sipagent.call.control import CallControl
from sipagent.call.documents import Document
from sipagent.call.verb import Leave, Outcome
from sipagent.errors import PlanError
from sipagent.events import Warned

from .flow import MAX_DEPTH, PlanControl, broken, planned, run_from
from .waiting import while_caller_stays

#: documents one call may run, and fetch, in all
MAX_DOCUMENTS = 1_000
MAX_FETCHES = 100
#: what a call counts of both, among the verbs it has done
_RUN, _FETCHED = "documents", "documents fetched"

#: where `execute` and `transfer` lead
Dest = Annotated[
    str | Mapping[str, Any],
    Field(description="a section, the http(s) URL of a document, or a document written out"),
]


async def run_document(
    control: CallControl, document: Document, *, params: Mapping[str, Any] | None = None
) -> Outcome:
    """Run a document from its `main` to its end, and whatever it transfers to from there.

    `params` are its own; the plan's are back when it ends. Variables (`vars`) are shared, `envs`
    with documents that functions brought are not. The
    outcome's flow is None at its end, Return or End; it failed where the document is broken (a
    Warned event says why) or the caller has left. What it may do is for the control's policies.
    """
    here, scope = planned(control), control.call.scope
    if here.depth > MAX_DEPTH:
        deep = PlanError(f"documents nested deeper than {MAX_DEPTH} at {document.name}")
        return broken(here.call, deep)
    try:
        admit(here, document)
    except PlanError as error:
        return broken(here.call, error)
    before = {key: scope.get(key, {}) for key in ("params", "envs")}
    scope["params"] = dict(params or {})
    if function_of(control.by) is not None:
        # what the operator shares with a plan is not for the servers of its functions
        scope["envs"] = {}
    try:
        return await run_from(replace(here, document=document, depth=here.depth + 1), "main")
    finally:
        scope.update(before)


def admit(control: CallControl, document: Document) -> None:
    """Count a document that is about to run, and put on record what was left out of it. Raises
    PlanError where the call has run too many.
    """
    call = control.call
    call.done[_RUN] += 1
    if call.done[_RUN] > MAX_DOCUMENTS:
        raise PlanError(f"more than {MAX_DOCUMENTS} documents in one call")
    for remark in document.remarks:
        call.emit(Warned, code="swml", detail=f"{document.name}: {remark}")


async def destination(
    here: PlanControl, dest: Any, params: Mapping[str, Any]
) -> tuple[str, Document | None]:
    """What `dest` of `execute` and `transfer` names: a section of the document that runs or of the
    plan; the `main` of a document at an http(s) URL, or of one that is written out.

    Raises PlanError, WebFailed.
    """
    call = here.call
    if isinstance(dest, str) and not is_inline(dest):
        dest = str(call.services.expressions.expand(dest, call.scope)).strip()
    if not is_inline(dest) and (here.steps_of(dest)[1] is not None or not is_url(dest)):
        return dest, here.document
    if is_inline(dest):
        document = call.services.documents.read(dest, "inline")
    else:
        document = await fetched(here, dest, params)
    admit(here, document)
    return "main", document


async def leave_for(
    control: CallControl, dest: Any, params: Mapping[str, Any] | None = None
) -> Leave:
    """The way to wherever `dest` leads, as in `destination`. Raises as that does."""
    section, document = await destination(planned(control), dest, params or {})
    return Leave(section, document)


async def fetched(here: PlanControl, url: str, params: Mapping[str, Any], **how: Any) -> Document:
    """A document from a URL, while the caller stays; `how` as in `Documents.fetch`.

    Raises PlanError, WebFailed, CallerGone.
    """
    call = here.call
    call.done[_FETCHED] += 1
    if call.done[_FETCHED] > MAX_FETCHES:
        raise PlanError(f"more than {MAX_FETCHES} documents fetched in one call")
    return await while_caller_stays(call, call.services.documents.fetch(url, call, params, **how))


def is_url(dest: Any) -> bool:
    """True for an http(s) URL."""
    return isinstance(dest, str) and dest.lower().startswith(("http://", "https://"))


def is_inline(dest: Any) -> bool:
    """True for a document that is written out, as data or text."""
    if isinstance(dest, str):
        return dest.lstrip().startswith("{") or "sections:" in dest
    return isinstance(dest, Mapping)
