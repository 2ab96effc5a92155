"""Shorthands of the tests of `upstream`."""

import asyncio
from collections.abc import Callable
from typing import Any

from tests.support.byte_server import ByteServer

from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.snapshot import Network, Timeouts
from fastgate.upstream.client import Call, Client, Origin, PoolStats
from fastgate.upstream.head import request_head
from fastgate.wire.pieces import Body

MAX_RESPONSE = 1_000_000


def origin_of(server: ByteServer, scheme: str = "http", host: str = "127.0.0.1", **network: Any) -> Origin:
    return Origin.parse(server.url(scheme, host), Network(**network))[0]


def post(origin: Origin, body: Body = b"", target: bytes = b"/v1/chat") -> tuple[bytes, Body]:
    """Head and body of a request, as `Call.send` takes them."""
    return request_head(b"POST", target, origin.authority, [(b"x-test", b"1")], len(body)), body


async def fetch(client: Client, origin: Origin, body: Body = b"", **timeouts: float) -> Call:
    """A call that is not streamed, to its end; a refusal's body is read as well."""
    call = client.call(origin, Timeouts(**timeouts), stream=False)
    try:
        await call.send(*post(origin, body))
        if call.status >= 300:
            call.body = await call.read_all(1_000)
    finally:
        call.release()
    return call


async def failure_of(client: Client, origin: Origin, body: Body = b"", **timeouts: float) -> UpstreamError:
    """The error that such a call ends with."""
    call = client.call(origin, Timeouts(**timeouts), stream=False)
    try:
        await call.send(*post(origin, body))
    except UpstreamError as error:
        return error
    finally:
        call.release()
    raise AssertionError(f"no failure but {call.status}")


async def kind_of(client: Client, origin: Origin, body: Body = b"", **timeouts: float) -> FailureKind:
    return (await failure_of(client, origin, body, **timeouts)).kind


def counts(client: Client) -> list[PoolStats]:
    """(open, idle, waiting) of each origin."""
    return list(client.stats().values())


async def until(condition: Callable[[], object], within_s: float = 3) -> None:
    """Let the loop run until `condition()` holds."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - a counter of the code under test sets no event
            await asyncio.sleep(0.001)
