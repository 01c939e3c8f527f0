"""Doctor: what keeps a server from working, each with its cause and its cure."""
