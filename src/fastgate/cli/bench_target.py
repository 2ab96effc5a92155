"""What `fastgate bench` asks, and of whom: one request, written once."""

import os
from typing import NamedTuple

import msgspec

from fastgate.cli.errors import UsageError
from fastgate.domain.snapshot import Network
from fastgate.upstream.head import request_head
from fastgate.upstream.origin import Origin

_QUESTION = "Answer with one word: hello."


class Target(NamedTuple):
    """A request as it goes over the wire. `head` has the key in it: never to be shown."""

    origin: Origin
    head: bytes
    body: bytes
    stream: bool

    @property
    def url(self) -> str:
        """Of the server, without path."""
        return f"{self.origin.scheme}://{self.origin.authority.decode()}"

    def __repr__(self) -> str:
        return f"Target({self.url})"


def target(url: str, model: str, key_env: str | None, *, stream: bool) -> Target:
    """UsageError for a URL that is none, or a variable that is not set."""
    try:
        origin, path = Origin.parse(url, Network())
    except ValueError as error:
        raise UsageError(f"{url!r}: {error}") from None
    asked = {"model": model, "messages": [{"role": "user", "content": _QUESTION}]}
    body = msgspec.json.encode({**asked, "stream": True} if stream else asked)
    headers = [(b"content-type", b"application/json"), *_authorization(key_env)]
    try:
        head = request_head(
            b"POST", f"{path or '/v1'}/chat/completions".encode(), origin.authority, headers, len(body)
        )
    except ValueError:
        raise UsageError(f"the value of {key_env} cannot be sent in a header") from None
    return Target(origin, head, body, stream)


def _authorization(key_env: str | None) -> list[tuple[bytes, bytes]]:
    if key_env is None:
        return []
    key = os.environ.get(key_env)
    if not key:
        raise UsageError(f"--key-env {key_env}: there is no such variable, or nothing in it")
    return [(b"authorization", f"Bearer {key}".encode())]
