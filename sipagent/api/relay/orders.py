"""RELAY's methods as orders: which of our verbs does it, and what is told of it. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sipagent.api.calls import NotUnderstood
from sipagent.call.verb import Outcome

from .media import collecting, device, devices, recording, sounds, tapping

Params = Mapping[str, Any]
#: what an event says of an operation that is over
End = Callable[[Outcome], dict[str, Any]]

#: an operation that was stopped by order ends with this
STOPPED = Outcome(detail="stopped", status=487)


@dataclass(frozen=True, slots=True)
class Order:
    """A verb and its arguments. With an `event` it is an operation: the answer is given when it
    begins, `begun` is told then, and `end` when it is over. `told` goes with every event.
    """

    verb: str
    arguments: Params
    event: str = ""
    begun: Params | None = None
    end: End | None = None
    told: Params | None = None


def order_of(method: str, params: Params) -> Order | None:
    """The order a method gives; None where there is no such method here. Raises NotUnderstood."""
    make = _ORDERS.get(method)
    return None if make is None else make(params)


def control_id(params: Params) -> str:
    """What names an operation. Raises NotUnderstood."""
    value = params.get("control_id")
    if not isinstance(value, str) or not 1 <= len(value) <= 64:
        raise NotUnderstood("is 1 to 64 characters", "control_id")
    return value


def _play(params: Params) -> Order:
    arguments = {**sounds(params.get("play"), params.get("loop")), "control_id": control_id(params)}
    if params.get("volume") is not None:
        arguments["volume"] = params["volume"]
    return Order("play", arguments, "calling.call.play", {"state": "playing"}, _played)


def _played(outcome: Outcome) -> dict[str, Any]:
    return {"state": "finished" if outcome.ok or outcome.status == 487 else "error"}


def _collect(params: Params) -> Order:
    collect = params.get("collect", params)
    if not isinstance(collect, Mapping):
        raise NotUnderstood("is an object", "collect")
    arguments = collecting(collect)
    media = sounds(params["play"]) if "play" in params else {"urls": []}
    arguments["play"] = media.pop("urls")
    arguments |= media
    if params.get("volume") is not None:
        arguments["volume"] = params["volume"]
    control_id(params)
    return Order("prompt", arguments, "calling.call.collect", None, _collected)


def _collected(outcome: Outcome) -> dict[str, Any]:
    value, data = outcome.data.get("value", ""), outcome.data
    result: dict[str, Any] = {"type": "error"}
    match outcome.detail if outcome.ok else "":
        case "match_digits":
            params = {"digits": value, "terminator": data.get("terminator", "")}
            result = {"type": "digit", "params": params}
        case "match_speech":
            sure = data.get("confidence")
            percent = None if sure is None else round(100 * sure)
            result = {"type": "speech", "params": {"text": value, "confidence": percent}}
        case "no_input" | "no_match" as kind:
            result = {"type": kind}
    return {"result": result, "final": True}


def _connect(params: Params) -> Order:
    arguments: dict[str, Any] = {"serial_parallel": devices(params.get("devices"))}
    if params.get("ringback"):
        arguments["ringback"] = sounds(params["ringback"])["urls"]
    if isinstance(minutes := params.get("max_duration"), int) and minutes > 0:
        arguments["max_duration"] = minutes * 60
    told = {"tag": params.get("tag", "")}
    begun = {"connect_state": "connecting"}
    return Order("connect", arguments, "calling.call.connect", begun, _connected, told)


def _connected(outcome: Outcome) -> dict[str, Any]:
    if outcome.ok:
        return {"connect_state": "disconnected"}
    return {"connect_state": "failed", "failed_reason": outcome.detail}


def _detect(params: Params) -> Order:
    wanted = params.get("detect")
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    if kind not in ("machine", "fax"):
        raise NotUnderstood(f"nothing here detects {kind!r}", "detect")
    rules = wanted.get("params") if isinstance(wanted, Mapping) else None
    rules = rules if isinstance(rules, Mapping) else {}
    keys = ("initial_timeout", "end_silence_timeout", "machine_voice_threshold",
            "machine_words_threshold", "detect_message_end", "tone")  # fmt: skip
    arguments = {key: rules[key] for key in keys if rules.get(key) is not None}
    arguments["detectors"] = "amd" if kind == "machine" else "fax"
    if params.get("timeout") is not None:
        arguments["timeout"] = params["timeout"]
    control_id(params)

    def end(outcome: Outcome) -> dict[str, Any]:
        found = outcome.detail.partition(":")[0].upper() if outcome.ok else "error"
        words = {"HUMAN", "MACHINE", "FAX", "UNKNOWN"}
        what = "finished" if outcome is STOPPED else found if found in words else "error"
        what = "CED" if what == "FAX" else what
        return {"detect": {"type": kind, "params": {"event": what}}}

    return Order("detect_machine", arguments, "calling.call.detect", None, end)


def _refer(params: Params) -> Order:
    wanted = params.get("device")
    to = device(wanted if isinstance(wanted, Mapping) else {})["to"]
    told = {"sip_refer_to": to}
    begun = {"state": "inProgress"}
    return Order("sip_refer", {"to_uri": to}, "calling.call.refer", begun, _referred, told)


def _referred(outcome: Outcome) -> dict[str, Any]:
    state = "success" if outcome.ok else _REFUSALS.get(outcome.status or 0, "error")
    return {"state": state, "sip_refer_response_code": str(outcome.status or "")}


_REFUSALS = {486: "busy", 600: "busy", 408: "noAnswer", 480: "noAnswer", 487: "cancel"}


def _conference(params: Params) -> Order:
    keys = ("name", "muted", "beep", "start_on_enter", "end_on_exit", "wait_url",
            "max_participants", "record", "region", "trim", "coach")  # fmt: skip
    arguments = {key: params[key] for key in keys if params.get(key) is not None}
    told = {"name": params.get("name", ""), "conference_id": params.get("name", "")}
    begun = {"status": "conference-join"}

    def end(outcome: Outcome) -> dict[str, Any]:
        return {"status": "conference-leave" if outcome.ok else "conference-error"}

    return Order("join_conference", arguments, "calling.conference", begun, end, told)


def _queue(params: Params) -> Order:
    name = params.get("queue_name") or params.get("name")
    control_id(params)
    told = {"name": name, "id": name}

    def end(outcome: Outcome) -> dict[str, Any]:
        return {"status": "dequeue" if outcome.ok else "leave"}

    arguments = {"queue_name": name}
    return Order("enter_queue", arguments, "calling.call.queue", {"status": "enqueue"}, end, told)


def _end(params: Params) -> Order:
    reason = params.get("reason")
    return Order("hangup", {"reason": reason if reason in ("busy", "decline") else "hangup"})


def _record(params: Params) -> Order:
    return Order(
        "record_call", {**recording(params.get("record")), "control_id": control_id(params)}
    )


def _tap(params: Params) -> Order:
    return Order("tap", {**tapping(params), "control_id": control_id(params)})


def _stream(params: Params) -> Order:
    keys = ("url", "name", "codec", "status_url", "authorization_bearer_token", "custom_parameters")
    arguments = {key: params[key] for key in keys if params.get(key) is not None}
    track = {"inbound_track": "inbound", "outbound_track": "outbound", "both_tracks": "both"}
    if (wanted := params.get("track")) is not None:
        arguments["track"] = track.get(wanted, wanted)
    return Order("stream", {**arguments, "control_id": control_id(params)})


def _plain(verb: str, *keys: str, **more: Any) -> Callable[[Params], Order]:
    """An order whose arguments are called the same there and here."""

    def make(params: Params) -> Order:
        return Order(verb, {**more, **{k: params[k] for k in keys if params.get(k) is not None}})

    return make


def _controlled(verb: str, *keys: str) -> Callable[[Params], Order]:
    def make(params: Params) -> Order:
        control_id(params)
        return _plain(verb, "control_id", *keys)(params)

    return make


def _message(params: Params) -> Order:
    role = "user" if params.get("role") == "user" else "system"
    return Order("tell", {"text": params.get("message_text") or params.get("text"), "role": role})


_ORDERS: Mapping[str, Callable[[Params], Order]] = {
    "calling.answer": _plain("answer"),
    "calling.end": _end,
    "calling.pass": _plain("give_back", reason="refused"),
    "calling.play": _play,
    "calling.play.pause": _controlled("pause_play"),
    "calling.play.resume": _controlled("resume_play"),
    "calling.play_and_collect": _collect,
    "calling.collect": _collect,
    "calling.record": _record,
    "calling.record.pause": _controlled("pause_record_call", "behavior"),
    "calling.record.resume": _controlled("resume_record_call"),
    "calling.record.stop": _controlled("stop_record_call"),
    "calling.connect": _connect,
    "calling.send_digits": _plain("send_digits", "digits"),
    "calling.detect": _detect,
    "calling.refer": _refer,
    "calling.transfer": _plain("transfer", "dest"),
    "calling.tap": _tap,
    "calling.tap.stop": _controlled("stop_tap"),
    "calling.stream": _stream,
    "calling.stream.stop": _controlled("stop_stream"),
    "calling.hold": _plain("hold", timeout=3600),
    "calling.unhold": _plain("resume"),
    "calling.join_conference": _conference,
    "calling.queue.enter": _queue,
    "calling.ai_message": _message,
    "calling.ai_hold": _plain("hold", "timeout"),
    "calling.ai_unhold": _plain("resume"),
}
#: stops the operation of its control id, or the newest of this event
STOPS: Mapping[str, str] = {
    "calling.play.stop": "calling.call.play",
    "calling.play_and_collect.stop": "calling.call.collect",
    "calling.collect.stop": "calling.call.collect",
    "calling.detect.stop": "calling.call.detect",
    "calling.disconnect": "calling.call.connect",
    "calling.leave_conference": "calling.conference",
    "calling.queue.leave": "calling.call.queue",
}
