"""A request whose task is cancelled at whichever step leaves nothing behind."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from blockbuster import BlockBuster
from tests.support import builders
from tests.support.backends import backends, config, groups
from tests.support.byte_server import ByteServer, Peer, byte_server
from tests.support.gateway_process import SECRET
from tests.support.in_process import Conversation, Plane, conversation, data_plane
from tests.support.raw_client import chat_body
from tests.support.till import price, yearly
from tests.support.upstream_calls import until

from fastgate import tasks

STREAM = b"".join([builders.stream_head(), *map(builders.chunk, builders.chat_events()), builders.LAST_CHUNK])
PLAIN = builders.response(200, builders.chat_completion())


async def serve(peer: Peer) -> None:
    """`slow` never answers, `broken` says 503, the others answer."""
    while True:
        body = (await peer.request()).body
        if b'"slow"' in body:
            await peer.client_left()
            return
        if b'"broken' in body:
            await peer.send(builders.response(503, builders.error_body()))
        elif b'"stream":true' in body:
            await peer.send(STREAM[:300], STREAM[300:700], STREAM[700:])
        else:
            await peer.send(PLAIN[:200], PLAIN[200:])


@pytest.fixture
async def upstream() -> AsyncIterator[ByteServer]:
    async with byte_server(serve) as server:
        yield server


@pytest.fixture
async def plane(upstream: ByteServer, tmp_path: Path, _blockbuster: BlockBuster) -> AsyncIterator[Plane]:
    hedge = {"after": "1ms", "max": 2}
    routes: dict[str, Any] = {
        "single": groups("good"),
        "fallback": groups("broken", "good"),
        "hedged": {"groups": groups("slow", "good"), "hedge": hedge},
        "hedged-failing": {"groups": groups("slow", "broken", "good"), "hedge": hedge},
        "hedged-all-fail": {"groups": groups("broken", "broken-too"), "hedge": hedge},
    }
    providers = backends("good", "broken", "broken-too", "slow")
    money: dict[str, Any] = {
        "prices": [price(name) for name in providers],
        "gateway": {"budget": yearly("1000"), "rate_limit": {"concurrent_requests": 1}},
        "model_budgets": [{"model": "*", "rate_limit": {"concurrent_requests": 3}}],
        "logging": {"requests": False},
    }
    configuration = config(f"{upstream.url()}/v1", providers, routes=routes, **money)
    async with data_plane(tmp_path, configuration, _blockbuster) as plane:
        yield plane


async def at_rest(plane: Plane) -> None:
    await until(lambda: set(tasks.running()) == {plane.data._asking})
    assert plane.data.in_flight() == 0
    assert plane.in_flight() == 0, "a choice was not given back to its plan"
    assert all(stats.open == stats.idle and not stats.waiting for stats in plane.pools())
    plane.check_nothing_is_held()
    (budget,) = plane.budgets().values()
    assert budget.spent == sum(entry.closing.cost for entry in plane.journaled())


def begin(plane: Plane, route: str, streamed: bool) -> tuple[Conversation, asyncio.Task[None]]:
    talk = conversation(chat_body(model=route, stream=streamed), SECRET)

    async def exchange() -> None:
        await plane.asgi(talk.scope, talk.receive, talk.send)

    return talk, asyncio.create_task(exchange())


async def turn(task: asyncio.Task[None], times: int) -> bool:
    """Let the loop run; whether the task has ended within so many turns of it."""
    for _ in range(times):
        if task.done():
            break
        await asyncio.sleep(0)
    return task.done()


def all_turns() -> Iterator[int]:
    """Every one of the first, where all is set up, then more and more apart."""
    turns = 0
    while True:
        yield turns
        turns += 1 if turns < 60 else 1 + turns // 4


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("route", ["single", "fallback", "hedged", "hedged-failing", "hedged-all-fail"])
async def test_cancelled_at_every_turn_of_the_loop(plane: Plane, route: str, streamed: bool) -> None:
    for turns in all_turns():
        talk, task = begin(plane, route, streamed)
        ended = await turn(task, turns)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await at_rest(plane)
        if ended:
            assert turns > 5, "it was never cancelled on its way"
            assert talk.complete
            assert talk.status == (502 if route == "hedged-all-fail" else 200)
            return


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("route", ["single", "hedged", "hedged-failing"])
async def test_the_client_leaves_at_every_turn_of_the_loop(plane: Plane, route: str, streamed: bool) -> None:
    for turns in all_turns():
        talk, task = begin(plane, route, streamed)
        ended = await turn(task, turns)
        talk.left.set()
        await task
        await at_rest(plane)
        if ended:
            assert talk.status == 200
            return


async def test_two_cancellations_in_a_row(plane: Plane) -> None:
    """The second one comes while the race waits for those that it has cancelled."""
    for turns in range(40, 80):
        _, task = begin(plane, "hedged", False)
        await turn(task, turns)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await at_rest(plane)
