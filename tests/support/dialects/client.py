"""What a client of any dialect asks, and what it makes of an answer, as its vendor's SDK would."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
from botocore.eventstream import EventStreamBuffer
from tests.support.upstreams.script import JSON, Call

PICTURE = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(64)).decode()
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = "get_weather"


@dataclass
class Got:
    """`turn` is what the client puts into its history. `error` is the dialect's own, in a stream; `finished`:
    the stream ended in order."""

    text: str = ""
    thinking: str = ""
    calls: list[Call] = field(default_factory=list)
    finish: str | None = None
    model: str = ""
    usage: JSON | None = None
    turn: list[JSON] = field(default_factory=list)
    error: str = ""
    finished: bool = False


@dataclass(frozen=True)
class Result:
    call: Call
    text: str
    is_error: bool = False


class Client(Protocol):
    name: str

    def path(self, model: str, *, stream: bool) -> str: ...

    def ask(self, text: str, image: str | None = None) -> list[JSON]:
        """A user's turn."""

    def results(self, results: Sequence[Result]) -> list[JSON]: ...

    def body(self, model: str, history: Sequence[JSON], *, stream: bool, tools: bool = False) -> JSON: ...

    def whole(self, body: bytes) -> Got: ...

    def streamed(self, body: bytes) -> Got: ...

    def problem(self, status: int, body: bytes) -> str:
        """The message of an error; AssertionError if it is none of this dialect."""


def from_json(text: str) -> Any:
    return msgspec.json.decode(text)


def sse_events(body: bytes) -> Iterable[tuple[str, str]]:
    """Name and data of each."""
    for block in body.decode().replace("\r\n", "\n").split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        fields = [line.partition(":")[::2] for line in lines]
        data = "\n".join(value.removeprefix(" ") for name, value in fields if name == "data")
        name = next((value.strip() for name, value in fields if name == "event"), "")
        if data:
            yield name, data


def frames(body: bytes) -> Iterable[tuple[JSON, Any]]:
    """Headers and payload of each frame, by botocore, which checks the checksums."""
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    for message in buffer:
        yield message.headers, msgspec.json.decode(message.payload)
