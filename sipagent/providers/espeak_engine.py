"""The espeak-ng library through ctypes: one per process, one sentence at a time."""

import ctypes
import difflib
import threading
from collections.abc import Callable
from pathlib import Path

import espeakng_loader

from sipagent.errors import ProviderError

#: native sample rate of the bundled voices, Hz
RATE = 22_050
#: the library hands over audio in pieces of this length; an abort waits for one at most
_PIECE_MS = 40
_SYNCHRONOUS, _UTF8 = 2, 1
_RATE_PARAMETER, _PITCH_PARAMETER = 1, 3

_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class _Voice(ctypes.Structure):
    """espeak_VOICE of speak_lib.h; a language is a priority byte before its name."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


class EspeakEngine:
    """The library keeps its state in globals, so callers on any thread take turns.

    The lock is free whenever no sentence is being made: forking then is safe, and children
    share the data that was loaded before.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._sink: Callable[[bytes], bool] | None = None
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = Path(espeakng_loader.get_data_path())
        rate = self._library.espeak_Initialize(_SYNCHRONOUS, _PIECE_MS, str(data).encode(), 0)
        if rate != RATE:
            raise ProviderError("espeak", f"cannot be initialised ({rate})", retryable=False)
        # The library keeps a bare pointer: the callback must live as long as it does.
        self._callback = _Callback(self._piece)
        self._library.espeak_SetSynthCallback(self._callback)
        self._voices = self._listed()
        self._variants = frozenset(
            path.name for path in (data / "voices" / "!v").iterdir() if path.is_file()
        )

    @property
    def voices(self) -> tuple[str, ...]:
        """Voice names; each may carry a variant (`en-us+f3`)."""
        return tuple(sorted(self._voices))

    def check(self, voice: str) -> str:
        """The library's own name of `voice`. Raises ProviderError naming what there is."""
        base, plus, variant = voice.partition("+")
        identifier = self._voices.get(base.lower())
        if identifier is None:
            raise ProviderError("espeak", _unknown("voice", base, self._voices), retryable=False)
        if plus and variant not in self._variants:
            cause = _unknown("variant", variant, self._variants)
            raise ProviderError("espeak", cause, retryable=False)
        return identifier + plus + variant

    def speak(
        self, text: str, identifier: str, speed: int, pitch: int, sink: Callable[[bytes], bool]
    ) -> None:
        """Make one sentence, at `RATE` Hz, calling `sink` with each piece until it returns False.

        `speed` in words a minute, `pitch` 0..100. Blocks (about 1 ms per second of speech) and
        leaves the interpreter lock alone meanwhile. Raises ProviderError.
        """
        # A zero byte would end the C string early.
        encoded = text.replace("\0", " ").encode("utf-8", "replace") + b"\0"
        with self._turn:
            library = self._library
            if library.espeak_SetVoiceByName(identifier.encode()) != 0:
                raise ProviderError("espeak", f"cannot load {identifier}", retryable=False)
            library.espeak_SetParameter(_RATE_PARAMETER, speed, 0)
            library.espeak_SetParameter(_PITCH_PARAMETER, pitch, 0)
            self._sink = sink
            try:
                failed = library.espeak_Synth(encoded, len(encoded), 0, 0, 0, _UTF8, None, None)
            finally:
                self._sink = None
        if failed:
            raise ProviderError("espeak", f"synthesis failed ({failed})")

    def _piece(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, _: object) -> int:
        if count <= 0 or not samples or self._sink is None:
            return 0
        return 0 if self._sink(ctypes.string_at(samples, count * 2)) else 1

    def _listed(self) -> dict[str, str]:
        self._library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        listed = self._library.espeak_ListVoices(None)
        names: dict[str, str] = {}
        index = 0
        while listed[index]:
            voice = listed[index].contents
            names.setdefault(voice.languages[1:].decode().lower(), voice.identifier.decode())
            index += 1
        names.setdefault("en", names["en-us"])
        return names


def _unknown(what: str, name: str, known: "frozenset[str] | dict[str, str]") -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"unknown {what} {name!r}{hint} Valid: {', '.join(sorted(known))}"
