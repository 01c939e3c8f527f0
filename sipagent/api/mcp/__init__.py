"""The MCP server over live calls: tools, resources that tell when they change, prompts."""
