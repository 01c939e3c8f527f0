"""Tools of MCP servers, as agents are offered them; who speaks the protocol lives elsewhere."""
