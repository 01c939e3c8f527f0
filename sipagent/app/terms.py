"""The terms calls are taken by, as the settings say them."""

import os
from datetime import datetime
from zoneinfo import ZoneInfo

from sipagent.config import Settings

from .reception import Terms
from .tracing.context import in_force


def terms_of(settings: Settings) -> Terms:
    """What calls to come are taken by."""
    zone = ZoneInfo(settings.time_zone)
    return Terms(
        bundles=settings.store.bundles,
        now=lambda: datetime.now(zone),
        srtp={n: trunk.srtp for n, trunk in settings.trunks.items() if trunk.srtp},
        codecs={n: trunk.codecs for n, trunk in settings.trunks.items()},
        dtmf={
            name: peer.dtmf
            for peers in (settings.trunks, settings.phones)
            for name, peer in peers.items()
            if peer.dtmf
        },
        extensions=settings.phones if settings.registrar.internal_calls else (),
        tracing=in_force(settings, os.environ),
        redact=settings.privacy.redact if settings.privacy is not None else (),
    )
