"""Destinations written in a plan, held against the policies that will judge them."""

from collections.abc import Iterator, Sequence

from sipagent.call.policy import Policy
from sipagent.call.verb import Verb
from sipagent.errors import CallError, Finding
from sipagent.sources import KeyPath, Source


def targets_refused(
    source: Source, verb: Verb, path: KeyPath, policies: Sequence[Policy]
) -> Iterator[Finding]:
    """Destinations that nobody could call, and those the policies will refuse."""
    for target in verb.targets:
        try:
            refused = not all(policy.reaches(target) for policy in policies)
        except CallError as error:
            yield source.finding(path, str(error))
            continue
        if refused:
            message = f"policy will refuse {target}"
            hint = "policy.destinations lists what may be called"
            yield source.finding(path, message, hint=hint, severity="warning")
