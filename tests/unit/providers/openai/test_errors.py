"""OpenAI's errors inside a 200: what each name means. No body of an upstream raises anything."""

import json

import pytest

from fastgate.domain.failure import FailureKind
from fastgate.providers.openai.errors import in_band_error

NAMES = [
    ({"type": "BadRequestError", "code": 400}, 400),
    ({"type": "BadRequestError"}, 400),
    ({"type": "invalid_something"}, 400),
    ({"code": "InvalidParameter"}, 400),
    ({"type": "NotFoundError"}, 404),
    ({"type": "RateLimitError"}, 429),
    ({"type": "RATE_LIMIT_EXCEEDED"}, 429),
    ({"type": "InternalServerError"}, 500),
    ({"type": "server_error", "code": "invalid_upstream_state"}, 500),
    ({"type": "never heard of"}, 500),
    ({"status": "RESOURCE_EXHAUSTED"}, 429),
    ({"code": "0503"}, 500),
    ({"code": 7, "type": "invalid_api_key"}, 401),
    (["a", "list"], 500),
    (17, 500),
]


@pytest.mark.parametrize(("error", "status"), NAMES)
def test_what_a_name_means(error: object, status: int) -> None:
    found = in_band_error(json.dumps({"error": error}).encode())
    assert found is not None
    assert found.status == status


def test_an_unknown_name_can_be_said_to_be_the_clients_fault() -> None:
    named, nameless = b'{"error":{"code":"odd_prompt"}}', b'{"error":{"message":"m"}}'
    assert [getattr(in_band_error(data, other=400), "status", None) for data in (named, nameless)] == [
        400,
        500,
    ]


@pytest.mark.parametrize("value", ["null", '""', "{}", "[]", "false", "0"])
def test_an_error_that_says_nothing_is_none(value: str) -> None:
    assert in_band_error(b'{"error":%b,"choices":[]}' % value.encode()) is None


@pytest.mark.parametrize(
    "data",
    [
        b'{"error":{"code":%b}}' % (b"4" * 5000),
        b'{"error":{"code":"%b"}}' % (b"4" * 5000),
        b'{"error":{"message":"\xff","type":"\xff"}}',
        b'{"error":"\xff"}',
        b'{"error":{"type":%b}}' % (b"[" * 900 + b"]" * 900),
        b'{"type":"error","message":"\xff"}',
        b'{"object":"error","message":"m","type":"x"}',
    ],
)
def test_an_absurd_error_is_the_providers_fault(data: bytes) -> None:
    found = in_band_error(data)
    assert found is not None
    assert found.kind is FailureKind.SERVER_ERROR


@pytest.mark.parametrize("data", [b'{"message":"\xff"}', b"\xff", b"", b"[" * 100_000, b'{"error":'])
def test_what_is_no_error_object_is_none(data: bytes) -> None:
    assert in_band_error(data) is None


def test_vllms_error_object_counts_by_its_code() -> None:
    data = b'{"object":"error","message":"m","type":"BadRequestError","param":null,"code":400}'
    found = in_band_error(data)
    assert found is not None
    assert found.kind is FailureKind.CLIENT_ERROR
