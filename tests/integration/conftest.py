"""Fixtures: the edges, and for the tests of dialects the data plane in the test's own loop."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from blockbuster import BlockBuster
from tests.support.dialect_rig import Rig, rig
from tests.support.edges import EDGE, EDGES
from tests.support.fake_provider import FakeProvider
from tests.support.upstreams.script import JSON

from fastgate.launch import Edge

OpenRig = Callable[[JSON], AbstractAsyncContextManager[Rig]]


@pytest.fixture(
    scope="module",
    params=[pytest.param(each, marks=() if each == EDGE else pytest.mark.slow) for each in EDGES],
)
def edge(request: pytest.FixtureRequest) -> Edge:
    """For what the edge has a part in: such a test runs on each, on others than the default as a slow one."""
    edge: Edge = request.param
    return edge


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def open_rig(tmp_path: Path, provider: FakeProvider, _blockbuster: BlockBuster) -> OpenRig:
    """`async with open_rig(configuration) as rig:`"""

    def open_one(configuration: JSON) -> AbstractAsyncContextManager[Rig]:
        return rig(tmp_path, provider, configuration, _blockbuster)

    return open_one
