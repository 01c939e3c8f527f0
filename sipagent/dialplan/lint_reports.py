"""What would go wrong with what an agent reports of its talks."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from sipagent.agent.spec import AgentSpec
from sipagent.errors import Finding
from sipagent.sources import KeyPath, Source

_INTENTS = "intents"


def lint_reports(source: Source, agent: AgentSpec, path: KeyPath) -> Iterator[Finding]:
    """Reports that reach nobody, or that nobody can write."""
    spec = agent.reports
    if spec is None:
        return
    place: KeyPath = (*path, "reports")
    asked = spec.post_prompt
    minds = asked.brain or agent.brain
    if asked.prompt and all(ref.provider == _INTENTS for ref in minds):
        message = "a mind that goes by intents writes no report"
        hint = "name a language model: post_prompt: {brain: {provider: ...}}"
        yield source.finding((*place, "post_prompt"), message, hint=hint)
    if asked.prompt and not asked.url:
        message = "nobody is told what the model writes"
        hint = "post_prompt: {url: https://...}"
        yield source.finding((*place, "post_prompt"), message, hint=hint)
    if spec.save_conversation and not asked.url:
        message = "the conversation is saved at post_prompt.url, and there is none"
        yield source.finding((*place, "save_conversation"), message)
    for url, key in ((asked.url, ("post_prompt", "url")), (spec.debug_url, ("debug_url",))):
        if url and not _is_web(url):
            yield source.finding((*place, *key), "not a http or https URL")


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
