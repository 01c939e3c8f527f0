"""Load everything, use it once, fork three children that all use it; run by test_fork."""

import asyncio
import json
import os
import sys
from pathlib import Path

from sipagent.agent.protocols import Expectation
from sipagent.providers.espeak import engine
from sipagent.providers.grammar import GrammarModels
from sipagent.providers.silero import Silero
from sipagent.testing.ears import as_audio, spoken
from sipagent.testing.prompts import framed

PHRASES = ("repeat that please", "what are your opening hours", "pay my bill")


def private_kb() -> int:
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private"))


async def use(models: GrammarModels, silero: Silero, phrase: str) -> dict[str, object]:
    pcm = await spoken(phrase, "en-us")
    detector = silero.detector(8000)
    speech = max(detector.probability(frame) for frame in framed(pcm))
    ears = models.ears(8000)
    heard = [t async for t in ears.transcribe(as_audio(pcm), Expectation(PHRASES))]
    return {"phrase": phrase, "heard": heard[-1].text, "speech": speech}


def main() -> None:
    models, silero = GrammarModels(), Silero()
    engine()
    if "--used" in sys.argv:
        silero.detector(8000).probability(bytes(1024))
    children = []
    for phrase in PHRASES:
        pid = os.fork()
        if pid == 0:
            before = private_kb()
            result = asyncio.run(use(models, silero, phrase))
            line = json.dumps(result | {"added_kb": private_kb() - before}) + "\n"
            os.write(1, line.encode())
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
