"""HEP: what passes the front door, told to a capture server such as Homer: docs/tracing.md."""
