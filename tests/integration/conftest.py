"""Fixtures of the tests of dialects: the data plane in the test's own loop, before a fake provider."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from blockbuster import BlockBuster
from tests.support.dialect_rig import Rig, rig
from tests.support.fake_provider import FakeProvider
from tests.support.upstreams.script import JSON

OpenRig = Callable[[JSON], AbstractAsyncContextManager[Rig]]


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
