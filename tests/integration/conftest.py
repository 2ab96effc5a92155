"""Fixtures: the edges, and for the tests of dialects the data plane in the test's own loop."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from blockbuster import BlockBuster
from tests.support.dialect_rig import Rig, rig
from tests.support.edges import EDGE, EDGES
from tests.support.fake_provider import FakeProvider
from tests.support.upstreams.script import JSON

from fastgate.launch import Edge

OpenRig = Callable[[JSON], AbstractAsyncContextManager[Rig]]


def _runs_on(edge: Edge) -> ParameterSet:
    """The default edge with the quick tests, the others with the slow ones."""
    return pytest.param(edge, marks=() if edge == EDGE else pytest.mark.slow)


@pytest.fixture(scope="module", params=[_runs_on(edge) for edge in EDGES])
def edge(request: pytest.FixtureRequest) -> Edge:
    """For what the edge has a part in: such a test runs on each."""
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
