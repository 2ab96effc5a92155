"""A streamed answer of the gateway as a client reads it: event by event, as they come."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import msgspec
from tests.support.raw_client import CHAT, RawClient, Response, chat_body, raw_client, request

DONE = "[DONE]"


class EventStream:
    """One answer on a connection of its own. `raw` is every byte of the body so far."""

    def __init__(self, client: RawClient, head: Response) -> None:
        self.client = client
        self.head = head
        self.raw = b""
        self._chunks = client.chunks()
        self._buffer = b""

    @classmethod
    async def of(cls, client: RawClient) -> Self:
        """Returns when the head is there."""
        return cls(client, await client.response_head())

    async def event(self) -> str | None:
        """The data of the next event that has any; None at the regular end of the body."""
        while (data := await self._next()) == "":
            pass
        return data

    async def _next(self) -> str | None:
        while b"\n\n" not in self._buffer:
            chunk = await anext(self._chunks, None)
            if chunk is None:
                assert not self._buffer, self._buffer
                return None
            self.raw += chunk
            self._buffer += chunk
        event, _, self._buffer = self._buffer.partition(b"\n\n")
        return "\n".join(
            line.removeprefix("data:").removeprefix(" ")
            for line in event.decode().split("\n")
            if line.startswith("data:")
        )

    async def rest(self) -> list[str]:
        """The data of all events to the end of the body."""
        events = []
        while (event := await self.event()) is not None:
            events.append(event)
        return events

    async def chunks(self) -> list[Any]:
        """The rest, decoded; `[DONE]` stays a string."""
        return [event if event == DONE else msgspec.json.decode(event) for event in await self.rest()]


@asynccontextmanager
async def stream(url: str, body: bytes, path: str = CHAT, **options: Any) -> AsyncIterator[EventStream]:
    """Send a request and enter when the head of the answer is there; leaving closes the connection."""
    async with raw_client(url) as client:
        await client.send(request(body, path=path, **options))
        yield await EventStream.of(client)


@asynccontextmanager
async def chat_stream(url: str, model: str, **more: Any) -> AsyncIterator[EventStream]:
    async with stream(url, chat_body(model=model, stream=True, **more)) as events:
        yield events


def text_of(chunks: list[Any]) -> str:
    """What a client would show of the first choice of chat chunks."""
    return "".join(
        choice["delta"].get("content") or ""
        for chunk in chunks
        if chunk != DONE
        for choice in chunk.get("choices", ())
        if choice["index"] == 0
    )
