"""What is ordered of the nursery, and how it answers."""

import struct
from dataclasses import dataclass

#: an answer: the pid, and in the end the exit code
NUMBER = struct.Struct("!i")
#: the longest order in bytes, and the most descriptors with it
LONGEST, MOST = 1 << 17, 8


@dataclass(frozen=True, slots=True)
class Order:
    """A process that is wanted."""

    #: `package.module:function`, called with the arguments
    target: str
    #: `{0}` stands for the first of the descriptors that are for the child
    arguments: tuple[str, ...]
    environment: dict[str, str]
    folder: str
