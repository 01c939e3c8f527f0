"""Beginning: what a call began with, put into its folder, so that it can be run again."""

import asyncio

import structlog

from sipagent.call.redaction.redactor import Redactor
from sipagent.call.redaction.rules import Rule
from sipagent.store.began import Began, write_began
from sipagent.store.vault import PLAIN, Files

from .protocol import Assignment

log = structlog.get_logger(__name__)


async def keep_beginning(
    assignment: Assignment, rules: tuple[Rule, ...], files: Files = PLAIN
) -> None:
    """Write `plan.json`, beside the call: a disk that is slow or full costs it nothing."""
    began = began_of(assignment, rules)
    try:
        await asyncio.to_thread(write_began, assignment.bundle, began, files)
    except OSError as error:
        log.warning("plan_not_kept", call_id=assignment.call_id, cause=str(error))


def began_of(assignment: Assignment, rules: tuple[Rule, ...]) -> Began:
    """What of an assignment is kept; variables somebody gave are redacted as the record is."""
    plan, outset = assignment.plan, assignment.outset
    return Began(
        call_id=assignment.call_id,
        name=plan.name,
        file=plan.file,
        document=plan.document,
        direction=assignment.direction,
        caller=assignment.caller,
        callee=assignment.callee,
        headers=assignment.headers,
        section=outset.section if outset else "main",
        agent=outset.agent if outset else "",
        variables=Redactor(rules).data(dict(outset.variables)) if outset else {},
    )
