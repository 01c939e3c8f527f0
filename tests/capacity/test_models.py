"""What stands in for hosted models goes on for as long as anybody asks."""

import httpx
from websockets.asyncio.client import connect

from sipagent.testing.capacity.models import modelling

_LISTEN = "/v1/listen?model=nova-3&encoding=mulaw&sample_rate=8000"
_ASKED = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hello"}]}


async def test_they_hear_and_answer_again_and_again() -> None:
    async with modelling() as models:
        where = models.addresses
        async with httpx.AsyncClient() as client:
            for _ in range(3):
                answer = await client.post(f"{where.openai}/chat/completions", json=_ASKED)
                assert answer.status_code == 200
                assert "question" in answer.text
        key = {"Authorization": "Token right"}
        async with connect(where.deepgram + _LISTEN, additional_headers=key) as socket:
            for _ in range(3):
                await socket.send(bytes(800))
                await socket.send('{"type": "Finalize"}')
                while '"from_finalize": true' not in (told := str(await socket.recv())):
                    pass
                assert "somebody who can help me" in told
        assert where.realtime.startswith("ws://127.0.0.1:")
        assert models.cpu_seconds() > 0
