"""Webhooks: who is told of calls by HTTP, surely, in order, and without any call waiting for it."""

from .webhooks import Webhooks

__all__ = ["Webhooks"]
