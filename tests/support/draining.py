"""What tests of an orderly end need: a stream that a gate holds open, and the moment of the refusal."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from tests.support.builders import LAST_CHUNK, chunk
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import SECRET
from tests.support.replies import Gate, Wait, stream_then


def held_stream(provider: FakeProvider) -> Gate:
    """The provider sends a piece, waits for the gate, and then ends its stream well."""
    gate = Gate()
    provider.script(stream_then(["first"], Wait(gate), chunk(b"data: [DONE]\n\n"), LAST_CHUNK))
    return gate


@contextmanager
def open_stream(url: str) -> Iterator[Iterator[str]]:
    """The lines of a streamed chat at this gateway, after its first piece."""
    with (
        httpx.Client(timeout=20, headers={"authorization": f"Bearer {SECRET}"}) as client,
        client.stream(
            "POST",
            f"{url}/v1/chat/completions",
            json={"model": "gpt-4o", "stream": True, "messages": []},
        ) as answer,
    ):
        lines = answer.iter_lines()
        assert any("first" in line for line in lines), "the stream ended before its first piece"
        yield lines


def until_refused(url: str) -> None:
    """Return when nobody accepts connections at `url` any more."""
    for _ in range(200):
        try:
            httpx.get(f"{url}/health/live", timeout=5)
        except httpx.TransportError:
            return
    raise AssertionError(f"{url} goes on accepting")
