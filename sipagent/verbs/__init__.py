"""What can be done to a call: one verb a class. To add one: write the class, add it to its file's
tuple.
"""

from collections.abc import Mapping

from sipagent.call.verb import Verb

from .asking import ASKING
from .consenting import CONSENTING
from .converse import TALK
from .denoising import DENOISING
from .detecting import DETECTING
from .driven import DRIVEN
from .fax import FAX
from .hearing import HEARING
from .holding import HOLDING
from .logic import LOGIC
from .messaging import MESSAGING
from .parking import PARKING
from .pay import PAY
from .queueing import QUEUEING
from .recording import RECORDING
from .remote import REMOTE
from .rooms import ROOMS
from .routing import ROUTING
from .secret import SECRET
from .sidecar import SIDECAR
from .signalling import SIGNALLING
from .sound import SOUND
from .tapping import TAPPING
from .transcribing import TRANSCRIBING
from .transferring import TRANSFERRING
from .translating import TRANSLATING

_ALL = (
    *SIGNALLING,
    *HOLDING,
    *HEARING,
    *SOUND,
    *SECRET,
    *PAY,
    *CONSENTING,
    *RECORDING,
    *TAPPING,
    *DENOISING,
    *DETECTING,
    *TALK,
    *DRIVEN,
    *ROUTING,
    *TRANSFERRING,
    *ROOMS,
    *MESSAGING,
    *PARKING,
    *QUEUEING,
    *TRANSCRIBING,
    *SIDECAR,
    *TRANSLATING,
    *REMOTE,
    *FAX,
    *ASKING,
    *LOGIC,
)
VERBS: Mapping[str, type[Verb]] = {verb.name: verb for verb in _ALL}
