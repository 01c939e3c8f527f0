"""Counters of the front door, for stats and metrics."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Counted since start."""

    received: int = 0
    sent: int = 0
    send_failed: int = 0
    connections: int = 0
    #: not SIP, or SIP that broke a rule (answered 400, 416, 505, 513 where that was possible)
    bad: int = 0
    #: responses and internal datagrams that belong to nobody
    stray: int = 0
    #: messages of strangers that were too fast, banned or unwelcome; connections too many
    silenced: int = 0
    #: requests of strangers that claimed to speak for a source, as only a proxy of ours may
    forged_source: int = 0
    turned_away: int = 0
    banned: int = 0
    #: bugs of ours met on the way
    exceptions: int = 0
    invites: int = 0
    admitted: int = 0
    refused: int = 0
    challenged: int = 0
    cancelled: int = 0
    #: headers dropped, and messages refused, for the 4000 bytes a worker can read
    trimmed: int = 0
    too_big: int = 0
    byes_for_workers: int = 0
    #: REGISTERs that were granted, and those that were not (challenges left out)
    registered: int = 0
    register_refused: int = 0
    #: INVITEs of workers that went to the contacts of a phone of ours
    forked: int = 0
    unreachable: int = 0
