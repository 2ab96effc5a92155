from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from blockbuster import BlockBuster
from tests.support.fake_provider import FakeProvider
from tests.support.till import Till, till, till_config

Open = Callable[..., AbstractAsyncContextManager[Till]]


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def opened(tmp_path: Path, provider: FakeProvider, _blockbuster: BlockBuster) -> Open:
    """`async with opened("gpt", key={"budget": …}) as till:` as `till_config` takes it."""

    def open_till(*names: str, **settings: Any) -> AbstractAsyncContextManager[Till]:
        configuration = till_config(provider.url, *(names or ("gpt",)), **settings)
        return till(tmp_path, provider, configuration, _blockbuster)

    return open_till
