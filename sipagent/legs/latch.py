"""Latch: from whom a leg's media is taken, once it flows. Pure, from addresses and figures."""

from .diagnosis import Address

#: seconds a source other than the SDP's must be the only one before it is believed
SETTLED = 1.0
#: seconds without a packet after which a source other than the SDP's is given up
GIVEN_UP = 4.0


class Latch:
    """One leg's. Nobody is shut out until the far end was heard; then everybody is but it and the
    place its SDP names: a NAT may hide where it is, but whoever sends from there is believed.
    """

    def __init__(self) -> None:
        self._described: Address | None = None
        self._source: Address | None = None
        self._since = 0.0
        self._packets = 0
        self._moved = 0.0
        self._held: Address | None = None

    def look(
        self, described: Address | None, source: Address | None, packets: int, at: float
    ) -> tuple[Address, ...]:
        """Who may send from now on; empty for anybody. `at` in seconds of any clock."""
        if described != self._described or packets < self._packets:  # a new offer, a new stream
            self._described, self._source, self._held = described, None, None
        flows = packets > self._packets
        if flows:
            self._moved = at
        self._packets = packets
        if source != self._source:
            self._source, self._since = source, at
        settled = source == described or (self._held is None and at - self._since >= SETTLED)
        if source is not None and flows and settled:
            self._held = source
        if self._held is not None and self._held != described and at - self._moved > GIVEN_UP:
            self._held = None
        if self._held is None:
            return ()
        allowed = (self._held, described)
        return tuple(dict.fromkeys(place for place in allowed if place is not None))
