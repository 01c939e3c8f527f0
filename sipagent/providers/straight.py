"""Straight: a WebSocket connection to where it was asked for, and nowhere else."""

from websockets.asyncio.client import connect


class Straight(connect):
    """`websockets.connect` that follows no redirection: the policy, and whoever gave the key,
    judged this very URI.
    """

    def process_redirect(self, exc: Exception) -> Exception | str:
        """No: what the server answered is the answer."""
        return exc
