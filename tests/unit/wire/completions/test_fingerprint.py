"""What ran the model, in the two formats that have a word for it."""

import msgspec
import pytest
from openai.types import Completion
from openai.types.chat import ChatCompletion

from fastgate.domain.format import Format
from fastgate.providers.passthrough import Translated
from fastgate.wire.formats import CLIENTS, PROVIDERS
from fastgate.wire.interface import Losses
from fastgate.wire.reference import answers

_WHOLE = {
    "id": "a",
    "object": "chat.completion",
    "created": 1_800_000_000,
    "model": "m",
    "system_fingerprint": "fp_1",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}],
}
_CHUNK = {**_WHOLE, "choices": [{"index": 0, "delta": {"content": "x"}}]}
_PROVIDER = PROVIDERS[Format.CHAT]


@pytest.mark.parametrize(
    ("client", "type_"), [(Format.COMPLETIONS, Completion), (Format.CHAT, ChatCompletion)]
)
def test_of_a_whole_answer(client: Format, type_: type[Completion | ChatCompletion]) -> None:
    reply = _PROVIDER.read_answer(msgspec.json.encode(_WHOLE))
    written = CLIENTS[client].write_answer(reply, answers.asked(client), Losses())
    assert type_.model_validate_json(written).system_fingerprint == "fp_1"


@pytest.mark.parametrize("client", [Format.COMPLETIONS, Format.CHAT])
def test_of_a_stream(client: Format) -> None:
    decoder = Translated(_PROVIDER, CLIENTS[client].stream_writer(answers.asked(client)))
    event = b"data: " + msgspec.json.encode(_CHUNK) + b"\n\n"
    decoder.event(event)
    *sent, rest = decoder.sent_for(event).split(b"\n\n")
    assert sent
    assert rest == b""
    for each in sent:
        assert msgspec.json.decode(each.removeprefix(b"data: "))["system_fingerprint"] == "fp_1"


@pytest.mark.parametrize("fingerprint", [None, 7, {"a": 1}])
def test_of_another_type_it_costs_nothing_else(fingerprint: object) -> None:
    reply = _PROVIDER.read_answer(msgspec.json.encode({**_WHOLE, "system_fingerprint": fingerprint}))
    written = CLIENTS[Format.CHAT].write_answer(reply, answers.asked(Format.CHAT), Losses())
    assert "system_fingerprint" not in msgspec.json.decode(written)
