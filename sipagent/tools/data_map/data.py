"""What templates of a data_map can read: the call before a reply, the reply after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Roots = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class CallData:
    """The data of one function call. `call` holds what stands at the root by itself: `call_id`,
    `caller_id_num`, `caller_id_name`, `function`, `ai_session_id`, `conversation_id`, `app_name`.
    """

    args: Mapping[str, Any] = field(default_factory=dict)
    global_data: Mapping[str, Any] = field(default_factory=dict)
    meta_data: Mapping[str, Any] = field(default_factory=dict)
    prompt_vars: Mapping[str, Any] = field(default_factory=dict)
    call: Mapping[str, Any] = field(default_factory=dict)

    @property
    def whole(self) -> dict[str, Any]:
        """One object, as `input` holds it after a reply."""
        return {
            **self.prompt_vars,
            **self.call,
            "args": self.args,
            "global_data": self.global_data,
            "meta_data": self.meta_data,
            "prompt_vars": self.prompt_vars,
        }

    def before(self) -> Roots:
        """For expressions, requests and the last output: `args.x`, and `x` for an argument."""
        whole = self.whole
        return ({**whole, "input": whole}, self.args)

    def after(self, reply: Any) -> "ReplyData":
        """For all that reads a reply. An array is found as `array`."""
        return ReplyData(reply if isinstance(reply, dict) else {"array": reply}, self.before())


@dataclass(slots=True)
class ReplyData:
    """The reply stands at the root, and as `response`; what it does not hold is looked up in the
    call's data, which is also `input`.
    """

    reply: dict[str, Any]
    call: Roots

    @property
    def roots(self) -> Roots:
        """Where a path is looked up, in order."""
        return (self.reply, {"response": self.reply}, *self.call)

    def each(self, item: Any) -> Roots:
        """The same within a `foreach`: the item is `this`, or `this.value`."""
        return ({"this": item}, {"this": {"value": item}}, *self.roots)
