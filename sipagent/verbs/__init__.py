"""What can be done to a call: one verb a class. To add one: write the class, add it to its file's
tuple.
"""

from collections.abc import Mapping

from sipagent.call.verb import Verb

from .converse import TALK
from .logic import LOGIC
from .messaging import MESSAGING
from .routing import ROUTING
from .signalling import SIGNALLING
from .sound import SOUND
from .transferring import TRANSFERRING

VERBS: Mapping[str, type[Verb]] = {
    verb.name: verb
    for verb in (*SIGNALLING, *SOUND, *TALK, *ROUTING, *TRANSFERRING, *MESSAGING, *LOGIC)
}
