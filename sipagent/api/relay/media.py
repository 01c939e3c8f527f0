"""RELAY's media and devices as our verbs take them. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from sipagent.api.calls import NotUnderstood

#: how often a list of media is repeated at most, and what that may come to
_LOOPS, _SOUNDS = 100, 500


def sounds(media: Any, loop: Any = None) -> dict[str, Any]:
    """`urls` of `play`, with the voice of the first text. Raises NotUnderstood."""
    urls: list[str] = []
    voice: dict[str, Any] = {}
    for item in _items(media, "play"):
        kind, params = str(item.get("type", "")), _params(item)
        match kind:
            case "tts":
                urls.append(f"say:{_text(params, 'text')}")
                keys = {"say_voice": "voice", "say_language": "language", "say_gender": "gender"}
                voice = voice or {k: params[v] for k, v in keys.items() if params.get(v)}
            case "audio":
                urls.append(_text(params, "url"))
            case "silence":
                urls.append(f"silence:{_number(params, 'duration', 1.0):g}")
            case "ringtone":
                seconds = params.get("duration")
                length = f"{_number(params, 'duration', 4.0):g}:" if seconds is not None else ""
                urls.append(f"ring:{length}{_text(params, 'name')}")
            case _:
                raise NotUnderstood(f"there is no media of type {kind!r}", "play")
    times = loop if isinstance(loop, int) and not isinstance(loop, bool) else 1
    urls *= min(times, _LOOPS) if times > 0 else _LOOPS
    return {"urls": urls[:_SOUNDS], **voice}


def devices(groups: Any) -> list[list[dict[str, Any]]]:
    """`serial_parallel` of `connect`: groups in turn, those of a group at once. Raises
    NotUnderstood.
    """
    if not isinstance(groups, list) or not groups:
        raise NotUnderstood("is a list of lists of devices", "devices")
    return [
        [device(item) for item in _items(group if isinstance(group, list) else [group], "devices")]
        for group in groups
    ]


def device(item: Mapping[str, Any]) -> dict[str, Any]:
    """One destination of `connect`. Raises NotUnderstood."""
    kind, params = str(item.get("type", "")), _params(item)
    if kind == "phone":
        to, sender = params.get("to_number") or params.get("to"), params.get("from_number")
    elif kind == "sip":
        to, sender = params.get("to"), params.get("from")
    else:
        raise NotUnderstood(f"there is no device of type {kind!r}", "devices")
    if not isinstance(to, str) or not to:
        raise NotUnderstood("a device has nobody to call", "devices")
    found: dict[str, Any] = {"to": to}
    if isinstance(sender, str) and sender:
        found["from"] = sender
    if params.get("timeout") is not None:
        found["timeout"] = _number(params, "timeout", 60.0)
    if params.get("headers"):
        found["headers"] = params["headers"]
    for key in ("username", "password", "codecs"):
        if params.get(key):
            value = params[key]
            found[key] = ",".join(map(str, value)) if isinstance(value, list) else value
    return found


def collecting(params: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `prompt` from what RELAY's `collect` says. Raises NotUnderstood."""
    arguments: dict[str, Any] = {}
    digits, speech = params.get("digits"), params.get("speech")
    if isinstance(digits, Mapping):
        arguments["max_digits"] = int(_number(digits, "max", 1))
        arguments["digit_timeout"] = _number(digits, "digit_timeout", 5.0)
        arguments["terminators"] = str(digits.get("terminators") or "")
    if isinstance(speech, Mapping):
        arguments["speech_end_timeout"] = _number(speech, "end_silence_timeout", 1.0)
        arguments["speech_timeout"] = _number(speech, "speech_timeout", 60.0)
        arguments["speech_language"] = str(speech.get("language") or "")
        arguments["speech_hints"] = [str(hint) for hint in speech.get("hints") or ()]
    if not arguments:
        raise NotUnderstood("needs digits or speech", "collect")
    arguments["initial_timeout"] = _number(params, "initial_timeout", 4.0)
    return arguments


def recording(record: Any) -> dict[str, Any]:
    """Arguments of `record_call`. Raises NotUnderstood."""
    audio = record.get("audio") if isinstance(record, Mapping) else None
    if not isinstance(audio, Mapping):
        raise NotUnderstood("needs audio", "record")
    keys = ("format", "stereo", "direction", "beep", "terminators", "input_sensitivity")
    times = ("initial_timeout", "end_silence_timeout", "max_length")
    found = {key: audio[key] for key in keys if audio.get(key) is not None}
    found |= {key: _number(audio, key, 0.0) for key in times if audio.get(key)}
    return {"stereo": False, **found}


def tapping(params: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `tap`. Raises NotUnderstood."""
    tap, target = params.get("tap"), params.get("device")
    wanted = _params(tap) if isinstance(tap, Mapping) else {}
    if not isinstance(target, Mapping):
        raise NotUnderstood("needs a device", "device")
    where = _params(target)
    match target.get("type"):
        case "rtp":
            uri = f"rtp://{_text(where, 'addr')}:{int(_number(where, 'port', 0))}"
        case "ws":
            uri = _text(where, "uri")
        case other:
            raise NotUnderstood(f"there is no device of type {other!r}", "device")
    found: dict[str, Any] = {"uri": uri, "direction": wanted.get("direction", "speak")}
    if where.get("codec"):
        found["codec"] = where["codec"]
    if where.get("ptime"):
        found["rtp_ptime"] = int(_number(where, "ptime", 20))
    return found


def _items(value: Any, place: str) -> Sequence[Mapping[str, Any]]:
    if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        return value
    raise NotUnderstood("is a list of objects with type and params", place)


def _params(item: Mapping[str, Any]) -> Mapping[str, Any]:
    params = item.get("params", {})
    return params if isinstance(params, Mapping) else {}


def _text(params: Mapping[str, Any], key: str) -> str:
    value = params.get(key)
    if not isinstance(value, str) or not value:
        raise NotUnderstood("is missing", key)
    return value


def _number(params: Mapping[str, Any], key: str, default: float) -> float:
    value = params.get(key, default)
    try:
        number = float(default if value is None else value)
    except (TypeError, ValueError) as error:
        raise NotUnderstood("is no number", key) from error
    if not -1e6 < number < 1e6:
        raise NotUnderstood("is out of bounds", key)
    return number
