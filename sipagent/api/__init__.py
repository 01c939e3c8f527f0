"""The HTTP and WebSocket door: what other programs see of calls, and do to them."""
