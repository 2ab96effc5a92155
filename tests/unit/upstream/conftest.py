"""A client that must have nothing left when its test ends."""

from collections.abc import AsyncIterator

import pytest
import trustme
from tests.support.upstream_calls import MAX_RESPONSE

from fastgate.upstream.client import Client


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    client = Client(max_response_bytes=MAX_RESPONSE, environ={})
    yield client
    await client.aclose()
    assert client.stats() == {}


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    """Keys are slow to make: one CA for the session."""
    return trustme.CA()
