"""EchoTalker: says back what it hears. For testing a line, and for measuring our own media path."""

from sipagent.call.control import CallControl
from sipagent.media.port import AudioPort


class EchoTalker:
    """A talker with nothing between ears and mouth: `brain: {provider: echo}`.

    An echo that was late once would be for ever: frames that come while one waits to be said are
    dropped, so that a loop that stood still costs what was heard meanwhile and no delay.
    """

    async def run(self, port: AudioPort, control: CallControl) -> None:
        """Play each frame as it comes until the port is closed."""
        async for frame in port.frames():
            if port.idle:
                await port.play(frame.pcm)
