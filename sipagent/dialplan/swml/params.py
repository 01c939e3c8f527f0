"""Params: every parameter of an SWML `ai` object: what it means here, and where it goes. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .values import flag, length, listed, number, objects, text, texts, whole

#: "works": it does here what it says; "near": it does something close to it, told in docs;
#: "others": taken by functions and reports; "ignored": accepted, and nothing comes of it
State = Literal["works", "near", "others", "ignored"]
Read = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Param:
    """`to` is where it goes in an `AgentSpec`, dotted; what is said in brackets is made of several.
    `read` gives None for a value that cannot be meant.
    """

    state: State
    to: str
    read: Read


def _ms(low: int, high: int) -> Read:
    return lambda value: whole(value, low, high)


def _seconds(low: int, high: int) -> Read:
    def read(value: Any) -> float | None:
        ms = number(value, low, high)
        return None if ms is None else ms / 1000

    return read


def _attention(value: Any) -> float | None:
    ms = number(value, 0, 600_000)
    # the vendor's least is 10 seconds; 0 is never
    return None if ms is None else 0.0 if ms == 0 else max(1.0, ms / 1000)


def _decibels(value: Any) -> float | None:
    return number(value, -50, 50)


def _not(value: Any) -> bool | None:
    found = flag(value)
    return None if found is None else not found


def _one_of(*words: str) -> Read:
    return lambda value: value.lower() if str(value).lower() in words else None


def _anything(value: Any) -> Any:
    return str(value)


def _history(value: Any) -> tuple[dict[str, str], ...] | None:
    roles = {"user": "caller", "assistant": "agent", "system": "system"}
    return tuple(
        {"role": roles[str(one.get("role"))], "text": said}
        for one in objects(value)
        if str(one.get("role")) in roles and (said := text(one.get("content")))
    )


def _posted(value: Any) -> Any:
    return texts(value) if listed(value) else flag(value)


def _barge(value: Any) -> str | None:
    found = flag(value) if not isinstance(value, str) or "," not in value else None
    if found is not None:
        return "all" if found else "none"
    words = frozenset(word.strip() for word in str(value).lower().split(","))
    if not words <= {"complete", "partial", "all"}:
        return None
    return "complete" if words == {"complete"} else "partial" if words == {"partial"} else "all"


def _vad(value: Any) -> float | None:
    threshold = number(str(value).partition(":")[0], 1, 99)
    return None if threshold is None else threshold / 100


def _level(value: Any) -> int | None:
    return whole(value, 0, 2)


_IGNORED = Param("ignored", "-", _anything)
_TURN_MS = _ms(0, 10_000)

PARAMS: Mapping[str, Param] = {
    "acknowledge_interruptions": Param("works", "barge_in.acknowledge", flag),
    "ai_model": Param("works", "(brain)", text),
    "ai_name": Param("works", "waking.name", text),
    "ai_volume": Param("works", "volume", _decibels),
    "app_name": Param("others", "(reports)", text),
    "asr_diarize": Param("works", "(ears)", flag),
    "asr_smart_format": Param("works", "(ears)", flag),
    "asr_speaker_affinity": Param("near", "barge_in.same_speaker", flag),
    "attention_timeout": Param("works", "attention.after", _attention),
    "attention_timeout_prompt": Param("works", "attention.prompt", text),
    "audible_debug": _IGNORED,
    "audible_latency": _IGNORED,
    "background_file": Param("works", "background.file", text),
    "background_file_loops": Param("works", "background.loops", _ms(1, 1_000_000)),
    "background_file_volume": Param("works", "background.volume", _decibels),
    "barge_functions": Param("works", "functions.barge_functions", flag),
    "barge_match_string": Param("works", "barge_in.match", text),
    "barge_min_words": Param("works", "(barge_in)", _ms(1, 99)),
    "cache_mode": Param("near", "(speech_cache)", flag),
    "conscience": Param("works", "conscience", _anything),
    "conversation_id": Param("others", "(reports)", text),
    "conversation_sliding_window": Param("works", "conversation_window", _ms(1, 100_000)),
    "convo": Param("works", "opening.history", _history),
    "debug": _IGNORED,
    "debug_webhook_level": Param("others", "(reports)", _level),
    "debug_webhook_url": Param("others", "(reports)", text),
    "digit_terminators": Param("works", "turn.digit_terminators", _anything),
    "digit_timeout": Param("works", "turn.digit_timeout", _ms(0, 30_000)),
    "direction": Param("works", "direction", _one_of("inbound", "outbound")),
    "eleven_labs_similarity": _IGNORED,
    "eleven_labs_stability": _IGNORED,
    "enable_accounting": _IGNORED,
    "enable_barge": Param("works", "(barge_in)", _barge),
    "enable_inner_dialog": _IGNORED,
    "enable_pause": Param("works", "waking.enable_pause", flag),
    "enable_thinking": _IGNORED,
    "enable_turn_detection": Param("works", "(turn)", flag),
    "enable_vision": _IGNORED,
    "end_of_speech_timeout": Param("works", "(turn)", _ms(250, 10_000)),
    "energy_level": Param("works", "turn.energy_level", lambda value: number(value, 0, 100)),
    "first_word_timeout": Param("works", "barge_in.first_word_timeout", _TURN_MS),
    "function_wait_for_talking": Param("works", "functions.function_wait_for_talking", flag),
    "functions_on_no_response": Param("works", "functions.functions_on_no_response", flag),
    "hard_stop_prompt": Param("works", "hard_stop.prompt", text),
    "hard_stop_time": Param("works", "hard_stop.after", length),
    "hold_music": Param("works", "functions.hold_music", text),
    "hold_on_process": Param("works", "functions.hold_on_process", flag),
    "inactivity_timeout": Param("works", "attention.inactivity", _seconds(1_000, 3_600_000)),
    "initial_sleep_ms": Param("works", "opening.sleep_ms", _ms(0, 300_000)),
    "inner_dialog_model": _IGNORED,
    "inner_dialog_prompt": _IGNORED,
    "inner_dialog_synced": _IGNORED,
    "input_poll_freq": Param("others", "functions.input_poll_freq", _ms(1_000, 10_000)),
    "interrupt_on_noise": Param("works", "barge_in.on_noise", flag),
    "interrupt_prompt": Param("works", "barge_in.prompt", text),
    "languages_enabled": Param("works", "change_language", flag),
    "llm_diarize_aware": Param("works", "(prompt)", flag),
    "local_tz": Param("others", "local_tz", text),
    "max_emotion": _IGNORED,
    "max_response_tokens": Param("works", "(brain)", _ms(1, 16_384)),
    "openai_asr_engine": Param("near", "(ears)", text),
    "outbound_attention_timeout": Param("works", "attention.outbound", _seconds(1_000, 600_000)),
    "persist_global_data": Param("works", "persist_global_data", flag),
    "pom_format": Param("works", "(prompt)", _one_of("markdown", "xml")),
    "save_conversation": Param("others", "(reports)", flag),
    "speak_when_spoken_to": Param("works", "waking.speak_when_spoken_to", flag),
    "speech_event_timeout": Param("works", "turn.speech_event_timeout", _TURN_MS),
    "speech_gen_quick_stops": _IGNORED,
    "speech_timeout": Param("works", "turn.speech_timeout", _ms(0, 600_000)),
    "start_paused": Param("works", "waking.start_paused", flag),
    "static_greeting": Param("works", "greeting", text),
    "static_greeting_no_barge": Param("works", "greeting_interruptible", _not),
    "summary_mode": Param("others", "(reports)", _one_of("string", "original")),
    "swaig_allow_settings": Param("others", "functions.swaig_allow_settings", flag),
    "swaig_allow_swml": Param("others", "functions.swaig_allow_swml", flag),
    "swaig_post_conversation": Param("others", "functions.swaig_post_conversation", flag),
    "swaig_post_swml_vars": Param("others", "functions.swaig_post_swml_vars", _posted),
    "swaig_set_global_data": Param("others", "functions.swaig_set_global_data", flag),
    "thinking_model": _IGNORED,
    "transfer_summary": Param("others", "(reports)", flag),
    "transparent_barge": Param("works", "barge_in.transparent", flag),
    "transparent_barge_max_time": Param(
        "works", "barge_in.transparent_barge_max_time", _ms(0, 60_000)
    ),
    "tts_number_format": Param(
        "works", "tts_number_format", _one_of("international", "national")
    ),
    "turn_detection_timeout": Param("works", "(turn)", _TURN_MS),
    "vad_config": Param("works", "turn.vad_threshold", _vad),
    "verbose_logs": _IGNORED,
    "video_idle_file": _IGNORED,
    "video_listening_file": _IGNORED,
    "video_talking_file": _IGNORED,
    "vision_model": _IGNORED,
    "wait_for_user": Param("works", "opening.speaks_first", _not),
    "wake_prefix": Param("works", "waking.prefix", text),
}  # fmt: skip
#: of the SDK's 3.x line, and not in its schema yet
_GATES: Mapping[str, Param] = {
    "semantic_gates_enabled": Param("others", "functions.semantic_gates_enabled", flag),
    "semantic_gate_timeout_ms": Param(
        "others", "functions.semantic_gate_timeout_ms", _ms(500, 10_000)
    ),
    "semantic_gate_history": Param("others", "functions.semantic_gate_history", _ms(0, 100)),
}
_KNOWN = {**PARAMS, **_GATES}
#: named in the vendor's documents and not in the schema
BEYOND_THE_SCHEMA = frozenset(
    {
        "auto_correct", "enable_text_normalization", "redact_prompt", "turn_filler_every_n",
        "turn_filler_min_ms", "turn_filler_sources", "utility_model",
    }
)  # fmt: skip


#: of an `ai` object's prompt, and taken from the params, too
OF_THE_PROMPT = frozenset(
    {
        "model", "temperature", "top_p", "max_tokens", "presence_penalty", "frequency_penalty",
        "confidence", "barge_confidence",
    }
)  # fmt: skip


#: those that would be noticed on a call, and are ignored all the same
_MISSED = frozenset({"enable_inner_dialog", "enable_vision"})


def read_params(raw: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The values that can be meant, by their names; and what is to be said of the others."""
    found: dict[str, Any] = {}
    notes: list[str] = []
    for name, value in raw.items():
        param = _KNOWN.get(name)
        if param is None:
            if name not in BEYOND_THE_SCHEMA | OF_THE_PROMPT:
                notes.append(f"params.{name} is not known and is ignored")
        elif name in _MISSED and flag(value):
            notes.append(f"params.{name} is not done here")
        elif value is not None and param.state != "ignored":
            meant = param.read(value)
            if meant is None:
                notes.append(f"params.{name} cannot be {str(value)[:40]!r} and is ignored")
            else:
                found[name] = meant
    return found, notes


def placed(found: Mapping[str, Any]) -> dict[str, Any]:
    """Those that go to one place as they are, as keys of an `AgentSpec`."""
    keys: dict[str, Any] = {}
    for name, value in found.items():
        *parts, last = _KNOWN[name].to.split(".")
        if last.startswith("("):
            continue
        node = keys
        for part in parts:
            node = node.setdefault(part, {})
        node[last] = value
    return keys


def rows() -> Iterator[tuple[str, State, str]]:
    """Name, state and place of every parameter, for whoever writes a table of them."""
    yield from ((name, param.state, param.to) for name, param in _KNOWN.items())
