"""What an SWML `ai` object says of reports: post prompt, debug webhook, conversation."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from sipagent.agent.refs import Providers
from sipagent.agent.reporting.spec import PostPromptSpec, ReportsSpec

#: the function that a model calls once a talk is over
SUMMARIZE = "summarize_conversation"


def reports_of(
    ai: Mapping[str, Any], *, prompt: str = "", brain: Providers | None = None
) -> ReportsSpec | None:
    """The reports of an `ai` object, None where it wants none. `prompt` is its post prompt as text
    where it is not written as `text`; `brain` the model that its LLM parameters ask for. What has
    another shape than SWML gives it counts for nothing.
    """
    params = _mapping(ai.get("params"))
    words = prompt or _text(ai.get("post_prompt"))
    spec = ReportsSpec(
        post_prompt=PostPromptSpec(
            prompt=words,
            url=_with_user(
                str(ai.get("post_prompt_url") or ""),
                ai.get("post_prompt_auth_user"),
                ai.get("post_prompt_auth_password"),
            ),
            summarize=_summarize(_mapping(ai.get("SWAIG"))),
            brain=brain,
        ),
        debug_url=str(params.get("debug_webhook_url") or ""),
        debug_level=2 if _number(params.get("debug_webhook_level")) >= 2 else 1,
        app_name=str(params.get("app_name") or "swml app")[:200],
        conversation_id=str(params.get("conversation_id") or "")[:200],
        save_conversation=_true(params.get("save_conversation")),
        summary_mode="original" if params.get("summary_mode") == "original" else "string",
        transfer_summary=_true(params.get("transfer_summary")),
    )
    return None if spec == ReportsSpec() else spec


def _summarize(swaig: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema of the declared function; SWML names the arguments alone, or the whole schema."""
    functions = swaig.get("functions")
    for function in functions if isinstance(functions, list) else ():
        if isinstance(function, Mapping) and function.get("function") == SUMMARIZE:
            declared = _mapping(function.get("parameters") or function.get("argument"))
            if declared.get("type") == "object" or not declared:
                return {"type": "object", **declared}
            return {"type": "object", "properties": declared}
    return None


def _with_user(url: str, user: Any, password: Any) -> str:
    """User and password that stand beside a URL, in it, where it has none of its own."""
    parts = urlsplit(url)
    if not user or "@" in parts.netloc or not parts.netloc:
        return url
    word = f":{quote(str(password), safe='')}" if password else ""
    return urlunsplit(parts._replace(netloc=f"{quote(str(user), safe='')}{word}@{parts.netloc}"))


def _text(prompt: Any) -> str:
    return str(_mapping(prompt).get("text") or "") if not isinstance(prompt, str) else prompt


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def _true(value: Any) -> bool:
    return value is True or str(value).lower() == "true"
