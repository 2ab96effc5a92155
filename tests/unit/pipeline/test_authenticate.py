"""Where a virtual key may stand, and which place wins."""

import pytest
from tests.support.in_process import conversation

from fastgate.downstream.asgi import AsgiDownstream
from fastgate.pipeline.authenticate import presented_secret

OURS = (b"x-fg-virtual-key", b"x-bf-vk")
PLAIN = (b"x-api-key", b"api-key", b"x-goog-api-key")


def secret_of(*headers: tuple[bytes, bytes]) -> bytes | None:
    talk = conversation(b"", "unused")
    talk.scope["headers"] = headers
    return presented_secret(AsgiDownstream(talk.scope, talk.receive, talk.send))


@pytest.mark.parametrize("name", [*OURS, *PLAIN])
async def test_a_header_with_the_bare_secret(name: bytes) -> None:
    assert secret_of((name, b" sk-1 ")) == b"sk-1"


@pytest.mark.parametrize("value", [b"Bearer sk-1", b"bearer sk-1", b"BEARER   sk-1 "])
async def test_a_bearer_token(value: bytes) -> None:
    assert secret_of((b"authorization", value)) == b"sk-1"


@pytest.mark.parametrize("value", [b"sk-1", b"Basic c2s=", b"Bearer", b"Bearer ", b""])
async def test_what_is_no_bearer_token(value: bytes) -> None:
    assert not secret_of((b"authorization", value))


async def test_none() -> None:
    assert secret_of() is None
    assert secret_of((b"x-api-key", b"")) is None


async def test_the_order() -> None:
    """Ours, then the bearer token, then the vendors' headers, whatever their order in the request."""
    names = [*OURS, b"authorization", *PLAIN]
    headers = [(name, b"Bearer t" if name == b"authorization" else name) for name in names]
    while headers:
        expected = b"t" if headers[0][0] == b"authorization" else headers[0][0]
        assert secret_of(*reversed(headers)) == expected
        del headers[0]


async def test_a_token_that_is_no_bearer_does_not_hide_the_others() -> None:
    assert secret_of((b"authorization", b"Basic c2s="), (b"x-api-key", b"sk-1")) == b"sk-1"
