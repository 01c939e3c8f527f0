"""Measuring a real server from outside: callers in this process, the server in its own."""
