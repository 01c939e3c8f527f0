"""Names of OpenTelemetry's semantic conventions that our spans use, and of vendors in them.

Those of `gen_ai` are still in development there; a test holds them against the package that is
installed.
"""

from collections.abc import Mapping

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
CONVERSATION = "gen_ai.conversation.id"
AGENT = "gen_ai.agent.name"
REQUEST_MODEL = "gen_ai.request.model"
RESPONSE_MODEL = "gen_ai.response.model"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
FINISH_REASONS = "gen_ai.response.finish_reasons"
FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
TOOL_NAME = "gen_ai.tool.name"
TOOL_CALL = "gen_ai.tool.call.id"
TOOL_TYPE = "gen_ai.tool.type"
TOOL_ARGUMENTS = "gen_ai.tool.call.arguments"
TOOL_RESULT = "gen_ai.tool.call.result"
CHAT, INVOKE_AGENT, EXECUTE_TOOL = "chat", "invoke_agent", "execute_tool"
MCP_METHOD = "mcp.method.name"
PROTOCOL = "network.protocol.name"
ERROR = "error.type"
HTTP_METHOD = "http.request.method"
HTTP_STATUS = "http.response.status_code"
PATH = "url.path"
SERVER = "server.address"
PORT = "server.port"

#: what the conventions call the vendors of our kinds; others go by the name of their kind
_VENDORS = {
    "openai": "openai",
    "openai_realtime": "openai",
    "anthropic": "anthropic",
    "google": "gcp.gemini",
    "gemini_live": "gcp.gemini",
}


def vendors(kinds: Mapping[str, str]) -> Mapping[str, str]:
    """Of providers by name, whose kinds are given."""
    return {name: _VENDORS.get(kind, kind) for name, kind in kinds.items()}
