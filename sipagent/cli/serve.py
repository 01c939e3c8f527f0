"""`sipagent serve`: run until SIGTERM or Ctrl-C, then drain."""

import asyncio
import signal

from sipagent.app.gateway import Gateway
from sipagent.app.plans import open_plans
from sipagent.log import configure

from .style import ConfigOption, settings_from


def serve(config: ConfigOption = None) -> None:
    """Answer calls until SIGTERM or Ctrl-C; SIGHUP reloads the dialplans."""
    settings = settings_from(config)
    configure(settings.log)
    plans = open_plans(settings)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        async with Gateway(settings, plans) as gateway:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, stop.set)
            loop.add_signal_handler(signal.SIGHUP, gateway.reload)
            await stop.wait()
            # A second signal ends it at once.
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
            await gateway.drain()

    asyncio.run(run())
