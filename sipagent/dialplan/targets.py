"""Destinations written in a plan, held against the policies that will judge them."""

from collections.abc import Collection, Iterator, Sequence

from sipagent.call.policy import Policy
from sipagent.call.target import PHONES, normalise
from sipagent.call.verb import Verb
from sipagent.errors import CallError, Finding
from sipagent.sources import KeyPath, Source, nearest


def targets_refused(
    source: Source,
    verb: Verb,
    path: KeyPath,
    policies: Sequence[Policy],
    extensions: Collection[str] | None = None,
) -> Iterator[Finding]:
    """Destinations that nobody could call, and those the policies will refuse. `extensions` are
    our phones; None where they are not known.
    """
    for target in verb.targets:
        try:
            known = normalise(target, extensions or ())
            user, _, host = known.partition("sip:")[2].rpartition("@")
            refused = not all(policy.reaches(target, extensions or ()) for policy in policies)
        except CallError as error:
            yield source.finding(path, str(error))
            continue
        if host == PHONES and extensions is not None and user not in extensions:
            hint = nearest(user, extensions) or "phones are declared in sipagent.yaml"
            yield source.finding(path, f"there is no phone {user}", hint=hint)
        if refused:
            message = f"policy will refuse {target}"
            hint = "policy.destinations lists what may be called"
            yield source.finding(path, message, hint=hint, severity="warning")
    for uri in verb.taps:
        if not all(policy.may_tap(uri) for policy in policies):
            hint = "policy.taps lists where audio may be sent"
            yield source.finding(path, f"policy will refuse {uri}", hint=hint, severity="warning")
