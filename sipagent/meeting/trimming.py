"""Trimmer: keeps a queue of live frames short, and lets lateness lengthen it a little."""

#: frames of one look: a second
_WINDOW = 50


class Trimmer:
    """Asked at each arrival. A frame that came too late is played late, so the queue itself
    grows to what the sender's jitter needs; what it never needed in a whole second goes, a frame
    at a time. Never more than `most` frames wait.
    """

    __slots__ = ("_count", "_least", "_most", "_spare")

    def __init__(self, most: int = 6, spare: int = 1) -> None:
        self._most = most
        self._spare = spare
        self._count = 0
        self._least = most

    def admit(self, waiting: int) -> bool:
        """Whether a frame that finds `waiting` others before it may join them."""
        self._least = min(self._least, waiting)
        self._count += 1
        if self._count >= _WINDOW:
            too_many = self._least > self._spare
            self._count, self._least = 0, self._most
            if too_many:
                return False
        return waiting < self._most
