"""What a server sends, as plain data of ours."""

import json
from collections.abc import Sequence
from typing import Any

from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ReadResourceResult,
    ResourceLink,
    TextContent,
    TextResourceContents,
    Tool,
)

from sipagent.tools.mcp.server import RemoteResult, RemoteTool

#: characters of a result that are kept at all: what a model reads is cut to less
_KEPT = 65_536


def tool_of(tool: Tool) -> RemoteTool:
    """A tool as it was listed."""
    hints = tool.annotations
    return RemoteTool(
        name=tool.name,
        description=tool.description or "",
        title=tool.title or (hints.title if hints else None) or "",
        schema=tool.input_schema,
        read_only=hints.read_only_hint if hints else None,
        destructive=hints.destructive_hint if hints else None,
    )


def result_of(result: CallToolResult) -> RemoteResult:
    """A result as text: structured content where there is any, since blocks repeat it."""
    if result.structured_content is not None and not result.is_error:
        text = _json(result.structured_content)
        other = [words for block in result.content if (words := _not_text(block))]
    else:
        text, other = "", [_words(block) for block in result.content]
    whole = "\n".join(filter(None, [text, *other])) or "done"
    return RemoteResult(whole[:_KEPT], not result.is_error, len(whole.encode()))


def text_of(read: ReadResourceResult) -> str:
    """A resource's text; what is no text is left out."""
    texts = [part.text for part in read.contents if isinstance(part, TextResourceContents)]
    return "\n".join(texts)[:_KEPT]


def _json(content: Any) -> str:
    # a lone value is wrapped, since structured content is an object
    if isinstance(content, dict) and set(content) == {"result"}:
        inner = content["result"]
        return inner if isinstance(inner, str) else json.dumps(inner, ensure_ascii=False)
    return json.dumps(content, ensure_ascii=False)


def _words(block: ContentBlock) -> str:
    return block.text if isinstance(block, TextContent) else _not_text(block)


def _not_text(block: ContentBlock) -> str:
    """What cannot be read aloud, in words."""
    match block:
        case ImageContent():
            return "[an image, which cannot be told on the phone]"
        case AudioContent():
            return "[a sound, which is not played to the caller]"
        case ResourceLink():
            return f"[a link to {block.title or block.name}]"
        case EmbeddedResource(resource=TextResourceContents() as inner):
            return inner.text
        case EmbeddedResource(resource=BlobResourceContents()):
            return "[a file, which cannot be told on the phone]"
    return ""


def tools_of(tools: Sequence[Tool]) -> list[RemoteTool]:
    """Each name once: the first that has it."""
    first: dict[str, RemoteTool] = {}
    for tool in tools:
        first.setdefault(tool.name, tool_of(tool))
    return list(first.values())
