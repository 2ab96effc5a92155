"""Sends a reply as its behaviour says: the delays between the pieces, and the faults in the middle."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fastgate.sim.behaviour import Behaviour
from fastgate.sim.reply import Reply
from fastgate.sim.request import new_id

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Jitter = Callable[[float], float]


class Player:
    """Plays replies to one request. A reply that is cut is left unfinished: the server then closes
    the connection, and the client sees an incomplete body. `jitter` varies a delay in seconds."""

    def __init__(self, behaviour: Behaviour, jitter: Jitter, receive: Receive, send: Send) -> None:
        self._broken = behaviour.cut or behaviour.stall
        self._stall = behaviour.stall
        self._first_s = behaviour.ttft_ms / 1000
        self._token_s = 1 / behaviour.tokens_per_s if behaviour.tokens_per_s else 0.0
        self._jitter = jitter
        self._receive = receive
        self._send = send

    async def play(self, reply: Reply) -> None:
        if reply.chunks is None:
            await self._pause(self._first_s + self._token_s * reply.tokens)
            await self._play_body(reply)
        else:
            await self._start(reply, ())
            await self._play_chunks(reply.chunks, reply.instant)

    async def _play_body(self, reply: Reply) -> None:
        body = reply.body
        await self._start(reply, [(b"content-length", b"%d" % len(body))])
        if self._broken:
            await self._body(body[: len(body) // 2], more=True)
            await self._break()
        else:
            await self._body(body, more=False)

    async def _play_chunks(self, chunks: Sequence[bytes], instant: int) -> None:
        broken_at = len(chunks) // 2 if self._broken else -1
        for number, chunk in enumerate(chunks):
            if number == broken_at:
                await self._break()
                return
            if number >= instant:
                await self._pause(self._first_s if number == instant else self._token_s)
            await self._body(chunk, more=True)
        await self._body(b"", more=False)

    async def _start(self, reply: Reply, framing: Sequence[tuple[bytes, bytes]]) -> None:
        headers = [
            (b"content-type", reply.content_type),
            (b"x-simulated", b"true"),
            (b"x-request-id", new_id("req_").encode()),
            *reply.headers,
            *framing,
        ]
        await self._send({"type": "http.response.start", "status": reply.status, "headers": headers})

    async def _body(self, data: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            await asyncio.sleep(self._jitter(seconds))

    async def _break(self) -> None:
        """Return at once to be cut off, or stall until the client leaves."""
        while self._stall and (await self._receive())["type"] != "http.disconnect":
            pass
