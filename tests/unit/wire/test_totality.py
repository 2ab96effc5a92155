"""Whatever a client or a provider sends, readers and writers raise nothing but what they say."""

import json
from base64 import b64encode
from copy import deepcopy
from random import Random
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.sample_answers import ANSWERS
from tests.support.sample_requests import REQUESTS
from tests.support.sample_streams import STREAMS
from tests.support.wire_targets import asked, target

from fastgate.domain.format import Format
from fastgate.errors import GatewayError
from fastgate.wire.converse.frames import frame
from fastgate.wire.envelope import Envelope
from fastgate.wire.formats import CLIENTS, PROVIDERS
from fastgate.wire.interface import Losses

_MODELS: Final = {
    Format.CHAT: ("gpt-4o", "claude-x", "gemini-3"),
    Format.MESSAGES: ("claude-opus-4-5", "claude-3-5-sonnet", "claude-opus-4-7"),
    Format.INVOKE: ("anthropic.claude-opus-4-6",),
    Format.GENERATE_CONTENT: ("gemini-2.5-pro", "gemini-3-pro", "gemini-1.5-flash"),
    Format.CONVERSE: ("anthropic.claude-opus-4-5", "amazon.nova-pro", "openai.gpt-oss", "arn:aws:x"),
    Format.COHERE_CHAT: ("command-a",),
    Format.OLLAMA_CHAT: ("llama",),
}
_VALUES: Final[tuple[Any, ...]] = (
    *(
        None,
        True,
        0,
        -1,
        2**63,
        -(10**30),
        0.5,
        1e308,
        "",
        "x",
        "{}",
        "[",
        "é",
        "\x00",
        "\U0001f600",
        "a b|1",
    ),
    *("http://[", "s3://b/k", "gs://b", "files/x", "data:", "data:image/png;base64,é", "[" * 5_000),
    *("fastgate.messages.here.x", "fastgate.x", "ZmFzdGdhdGUu"),
    *([], {}, [None], [[]], [{}], {"type": "x"}, {"type": "text", "text": "q"}),
)
_RAW: Final = (
    b"1e400",
    b'"\\ud800"',
    b'"\xff"',
    b"[" * 850 + b"]" * 850,
    b'{"items":' * 300 + b"1" + b"}" * 300,
)
_seeds = st.integers(0, 2**32)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container in it with each of its keys."""
    if not isinstance(value, dict | list):
        return []
    keys = list(value) if isinstance(value, dict) else range(len(value))
    return [place for key in keys for place in ((value, key), *places(value[key]))]


def mutated(value: Any, random: Random) -> bytes:
    """As JSON, with up to three places changed."""
    value = deepcopy(value)
    raw: dict[bytes, bytes] = {}
    for number in range(random.randint(0, 3)):
        container, key = random.choice(places(value) or [({"x": 0}, "x")])
        change = random.random()
        if change < 0.15:
            raw[json.dumps(mark := f"raw-{number}").encode()] = random.choice(_RAW)
            container[key] = mark
        elif change < 0.65:
            container[key] = deepcopy(random.choice(_VALUES))
        elif change < 0.8:
            del container[key]
        elif isinstance(container, list):
            container.insert(key, deepcopy(container[key]))
        else:
            container["unknown"] = deepcopy(random.choice(_VALUES))
    body = json.dumps(value).encode()
    for marker, written in raw.items():
        body = body.replace(marker, written)
    return body


@pytest.mark.parametrize("format_", REQUESTS)
@given(_seeds)
def test_requests(format_: Format, seed: int) -> None:
    random = Random(seed)
    body = mutated(REQUESTS[format_], random)
    client = CLIENTS[format_]
    try:
        Envelope.decode(body, format_)
        client.text(body)
        request = client.read_request(body, "m")
    except GatewayError:
        return
    for spoken, models in _MODELS.items():
        try:
            members = PROVIDERS[spoken].write_request(request, target(random.choice(models)), Losses())
        except GatewayError:
            continue
        json.loads(msgspec.json.encode(members))


@pytest.mark.parametrize("format_", ANSWERS)
@given(_seeds)
def test_answers(format_: Format, seed: int) -> None:
    body = mutated(ANSWERS[format_], Random(seed))
    provider = PROVIDERS[format_]
    try:
        provider.summary(body)
        reply = provider.read_answer(body)
    except (ValueError, RecursionError):
        return
    for client, request in _READ.items():
        assert CLIENTS[client].write_answer(reply, asked(request), Losses())


@pytest.mark.parametrize("format_", STREAMS)
@given(_seeds)
def test_streams(format_: Format, seed: int) -> None:
    random = Random(seed)
    events = [random.choice(STREAMS[format_]) if random.random() < 0.1 else each for each in STREAMS[format_]]
    reader = PROVIDERS[format_].stream_reader()
    writers = [CLIENTS[client].stream_writer(asked(request)) for client, request in _READ.items()]
    for each in events:
        deltas = reader.read(event(format_, each, random))
        reader.complete()
        for writer in writers:
            writer.write(deltas)
    for writer in writers:
        writer.end()
        assert writer.end() == b""


def event(format_: Format, said: Any, random: Random) -> bytes:
    if format_ is Format.CONVERSE:
        return frame(said[0], mutated(said[1], random))
    data = mutated(said, random)
    if format_ is Format.INVOKE:
        return frame("chunk", b'{"bytes":"%b"}' % b64encode(data))
    return data + b"\n" if format_ is Format.OLLAMA_CHAT else b"data: " + data + b"\n\n"


_READ: Final = {
    format_: CLIENTS[format_].read_request(msgspec.json.encode(body), "m")
    for format_, body in REQUESTS.items()
}
