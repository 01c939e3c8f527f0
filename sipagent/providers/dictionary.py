"""How words are said: the pronunciation dictionary, read in place and never loaded.

Loaded by a decoder it takes 21 MB of each, which every fork pays for in time; looked up in the
sorted file, a word takes some microseconds.
"""

import mmap
from functools import lru_cache
from pathlib import Path

import pocketsphinx

MODEL = Path(pocketsphinx.get_model_path()) / "en-us"
_FILE = MODEL / "cmudict-en-us.dict"


@lru_cache(maxsize=4096)
def pronunciations(word: str) -> tuple[str, ...]:
    """The phones of each way to say `word` (`"HH AH L OW"`), the usual one first; none for a word
    the dictionary lacks. Raises OSError.
    """
    with _FILE.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as text:
        found: list[str] = []
        start = _first(text, word.encode())
        while start < len(text):
            end = text.find(b"\n", start)
            name, _, phones = text[start:end].partition(b" ")
            if _plain(name) != word.encode():
                break
            found.append(phones.decode())
            start = end + 1
        return tuple(found)


def _first(text: mmap.mmap, word: bytes) -> int:
    """Where the first line of a word not before `word` begins. Lines are sorted by plain word."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high) // 2
        start = text.rfind(b"\n", low, middle) + 1 or low
        end = text.find(b"\n", start) + 1
        if _plain(text[start:end].partition(b" ")[0]) < word:
            low = end
        else:
            high = start
    return low


def _plain(name: bytes) -> bytes:
    """Further ways to say a word are numbered: `hello(2)`."""
    return name.partition(b"(")[0]
