"""RELAY: call control over a WebSocket, as SignalWire's own clients speak it (JSON-RPC 2.0)."""

from .door import RelayDoor

__all__ = ["RelayDoor"]
