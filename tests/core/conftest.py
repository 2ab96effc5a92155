from collections.abc import Callable, Iterator

import pytest
from tests.core.processes import Process

Spawn = Callable[..., Process]


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Starts a process for a role of tests.core.processes; none outlives the test."""
    spawned = []

    def one(role: Callable[..., object], *args: object) -> Process:
        spawned.append(Process(role, *args))
        return spawned[-1]

    yield one
    for process in spawned:
        process.kill()
