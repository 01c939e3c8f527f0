"""MCP servers, spoken to by the official SDK: processes of ours, and streamable HTTP."""
