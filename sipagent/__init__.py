"""sipagent: SIP calls answered by AI agents, with telephony as permitted tools."""

__version__ = "0.1.0"
