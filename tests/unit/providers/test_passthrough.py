"""Whole answers that pass through: what is none, though the provider says 200."""

import msgspec
import pytest

from fastgate.domain.failure import FailureKind
from fastgate.domain.usage import Usage
from fastgate.providers.interface import Answer
from fastgate.providers.passthrough import read_summary
from fastgate.wire import converse, gemini, invoke, messages
from fastgate.wire.interface import ProviderFormat

FORMATS = pytest.mark.parametrize(
    "provider", [messages.PROVIDER, invoke.PROVIDER, converse.PROVIDER, gemini.PROVIDER]
)
USED = {"type": "message", "usage": {"input_tokens": 3, "output_tokens": 4}}


def kind_of(answer: Answer) -> FailureKind:
    assert answer.error is not None
    assert (answer.usage, answer.response_id) == (None, None)
    return answer.error.kind


@FORMATS
@pytest.mark.parametrize(
    "body", [b"", b" ", b"<html>", b"null", b'"text"', b'{"a":1', b'{"a":{"b":1}', b'{"a":\xff}', b"[1]]"]
)
def test_what_is_no_json_of_an_answer(provider: ProviderFormat, body: bytes) -> None:
    assert kind_of(read_summary(provider, body)) is FailureKind.PROTOCOL


@FORMATS
@pytest.mark.parametrize("body", [b'{"new":[1]}', b' {"new":{"type":7}}\n'])
def test_what_only_the_client_may_understand(provider: ProviderFormat, body: bytes) -> None:
    assert read_summary(provider, body) == Answer(None, None, None)


@pytest.mark.parametrize(
    ("provider", "body", "kind"),
    [
        (
            messages.PROVIDER,
            {"type": "error", "error": {"type": "rate_limit_error", "message": "m"}},
            FailureKind.RATE_LIMITED,
        ),
        (converse.PROVIDER, {"message": "m"}, FailureKind.SERVER_ERROR),
        (invoke.PROVIDER, {"Message": "m"}, FailureKind.SERVER_ERROR),
        (gemini.PROVIDER, {"error": {"code": 503, "status": "UNAVAILABLE"}}, FailureKind.SERVER_ERROR),
    ],
)
def test_an_error_of_the_formats_own(provider: ProviderFormat, body: object, kind: FailureKind) -> None:
    assert kind_of(read_summary(provider, msgspec.json.encode(body))) is kind


def test_usage() -> None:
    answer = read_summary(messages.PROVIDER, msgspec.json.encode(USED))
    assert answer.usage == Usage(input_tokens=3, output_tokens=4)


@pytest.mark.parametrize(
    ("provider", "body"),
    [
        (messages.PROVIDER, {"type": "message", "usage": {}}),
        (messages.PROVIDER, {"type": "message", "usage": {"new_tokens": 3}}),
        (converse.PROVIDER, {"output": {}, "usage": {}}),
        (gemini.PROVIDER, {"candidates": [], "usageMetadata": {"trafficType": "ON_DEMAND"}}),
        (gemini.EMBED_PROVIDER, {"embedding": {"values": [1]}, "usageMetadata": {}}),
    ],
)
def test_usage_without_a_count_is_none(provider: ProviderFormat, body: object) -> None:
    """The gateway counts then: it would be free of charge otherwise."""
    assert read_summary(provider, msgspec.json.encode(body)) == Answer(None, None, None)
