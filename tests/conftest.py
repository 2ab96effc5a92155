"""What holds for every test: the loop of production, no network, nothing blocks, nothing is left behind."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
import uvloop
from blockbuster import BlockBuster
from hypothesis import HealthCheck, settings
from tests.support import interpreted  # noqa: F401  # before anything of fastgate

from fastgate import clock, tasks

settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile(
    "ci", max_examples=150, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "dev"))

_LOOPBACK = ("127.", "::1", "localhost")


class _GuardedLoop(uvloop.Loop):
    """pytest-socket guards Python's sockets, and libuv connects without them: this guards uvloop."""

    async def create_connection(
        self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any
    ) -> Any:
        _check_host(host)
        return await super().create_connection(protocol_factory, host, port, **options)

    async def getaddrinfo(self, host: Any, *args: Any, **kwargs: Any) -> Any:
        _check_host(host)
        return await super().getaddrinfo(host, *args, **kwargs)

    async def sock_connect(self, sock: Any, address: Any) -> Any:
        if isinstance(address, tuple):
            _check_host(address[0])
        return await super().sock_connect(sock, address)


def _check_host(host: Any) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name is not None and not name.startswith(_LOOPBACK):
        raise RuntimeError(f"a test may connect to loopback only, not to {name}")


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": _GuardedLoop}


@pytest.fixture(scope="session")
def _blockbuster() -> BlockBuster:
    blockbuster = BlockBuster("fastgate")
    for function in blockbuster.functions.values():
        # A few times a second a worker looks after its own small directory of journal segments.
        function.can_block_in("fastgate/ledger/writer.py", "tend")
        # A server is made before it has anything to serve, and reads its certificate.
        function.can_block_in("fastgate/downstream/edges.py", "server")
        # The kernel has that directory in memory.
        function.can_block_in("fastgate/downstream/sockets.py", "find")
    return blockbuster


@pytest.fixture(autouse=True)
def _nothing_blocks(request: pytest.FixtureRequest, _blockbuster: BlockBuster) -> Iterator[None]:
    """A blocking call in `fastgate` while a loop runs raises, in async tests."""
    if request.node.get_closest_marker("asyncio") is None:
        yield
        return
    _blockbuster.activate()
    yield
    _blockbuster.deactivate()


@pytest.fixture(autouse=True)
def _no_task_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test that leaves a task of `tasks.spawn` running."""
    if request.node.get_closest_marker("asyncio") is not None:
        request.getfixturevalue("_no_task_is_left_on_the_loop")
        yield
    else:
        yield
        assert not tasks.running()


@pytest_asyncio.fixture
async def _no_task_is_left_on_the_loop() -> AsyncIterator[None]:
    """Torn down before the loop is closed, which would cancel what is left and so hide it."""
    yield
    await asyncio.sleep(0)  # a task that was cancelled in the last step ends now
    left = sorted(task.get_name() for task in tasks.running())
    assert not left, f"tasks left running: {left}"


@dataclass
class FakeClock:
    """Both clocks of `fastgate.clock`; they move only when told to."""

    monotonic: int = 1_000_000_000_000
    wall: int = 1_790_000_000_000_000_000

    def advance(self, seconds: float) -> None:
        nanoseconds = round(seconds * 1_000_000_000)
        self.monotonic += nanoseconds
        self.wall += nanoseconds


@pytest.fixture
def fake_clock() -> Iterator[FakeClock]:
    fake = FakeClock()
    clock.install(lambda: fake.monotonic, lambda: fake.wall)
    yield fake
    clock.reset()
