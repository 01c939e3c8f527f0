"""Giving way: what is done when the caller speaks over the agent, and on what evidence."""
