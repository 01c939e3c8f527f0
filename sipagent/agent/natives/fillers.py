"""Internal fillers: what is said before one of the server's own tools runs. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sipagent.tools.spec import NOTHING_MEANWHILE, Meanwhile, ToolSpec


def with_fillers(
    tools: Sequence[ToolSpec], declared: Mapping[str, Mapping[str, tuple[str, ...]]]
) -> tuple[ToolSpec, ...]:
    """The tools, with the texts `declared` by tool and language for those that have none. They
    are heard before the tool runs: most of them take no time.
    """
    return tuple(_with(tool, declared.get(tool.name)) for tool in tools)


def _with(tool: ToolSpec, texts: Mapping[str, tuple[str, ...]] | None) -> ToolSpec:
    said = {language: some for language, some in (texts or {}).items() if some}
    if not said or tool.meanwhile != NOTHING_MEANWHILE:
        return tool
    return replace(tool, meanwhile=Meanwhile(said, first=True))
