"""Extensions: the plan of a call from one of our phones to another, where no dialplan has one."""

from collections.abc import Collection

from sipagent.call.target import PHONES
from sipagent.edge.desk import NewCall, Refused
from sipagent.worker.protocol import PlanText

_RINGING_SECONDS = 60


def plan_between(call: NewCall, extensions: Collection[str]) -> PlanText | None:
    """The plan that rings the called phone, None where that is none of the `extensions`.

    Only a phone that has proved itself may: a trunk gets None, and a guest may be a phone that
    was not asked yet. Raises Refused (401) for that one.
    """
    if call.number not in extensions:
        return None
    if call.account is None:
        raise Refused(401, "Unauthorized")
    return _plan(call.account, call.number) if call.account in extensions else None


def _plan(caller: str, callee: str) -> PlanText:
    to = f"sip:{callee}@{PHONES}"
    connect = {"to": to, "from": caller, "answer_on_bridge": True, "timeout": _RINGING_SECONDS}
    failed = {"hangup": {"status": "${connect_status >= 400 ? connect_status : 480}"}}
    result = {"case": {"connected": ["hangup"]}, "default": [failed]}
    return PlanText(
        name="extensions",
        file="",
        document={
            "version": "1.0.0",
            "policy": {
                "destinations": [to, f"sip:*@{PHONES}"],
                "referrals": ["caller", "callee"],
            },
            "sections": {"main": [{"connect": {**connect, "result": result}}]},
        },
    )
