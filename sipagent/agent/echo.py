"""EchoTalker: says back what it hears. For testing a line, and for measuring our own media path."""

from sipagent.call.control import CallControl
from sipagent.media.port import AudioPort


class EchoTalker:
    """A talker with nothing between ears and mouth: `brain: {provider: echo}`."""

    async def run(self, port: AudioPort, control: CallControl) -> None:
        """Play each frame as it comes until the port is closed."""
        async for frame in port.frames():
            await port.play(frame.pcm)
