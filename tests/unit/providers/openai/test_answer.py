"""Complete answers: what is read, what is an error inside a 200, and what is no answer at all."""

import json

import pytest

from fastgate.domain.endpoint import Endpoint
from fastgate.domain.failure import FailureKind
from fastgate.providers.openai import OpenAIDialect

JSON_ENDPOINTS = [
    Endpoint.CHAT,
    Endpoint.COMPLETIONS,
    Endpoint.RESPONSES,
    Endpoint.EMBEDDINGS,
    Endpoint.MODERATIONS,
    Endpoint.IMAGES_GENERATIONS,
    Endpoint.IMAGES_EDITS,
    Endpoint.RERANK,
]
AUDIO = [Endpoint.AUDIO_TRANSCRIPTIONS, Endpoint.AUDIO_TRANSLATIONS, Endpoint.AUDIO_SPEECH]


def kind(endpoint: Endpoint, body: bytes, *, stored: bool = False) -> FailureKind | None:
    error = OpenAIDialect().read_answer(endpoint, body, stored=stored).error
    return None if error is None else error.kind


@pytest.mark.parametrize("endpoint", JSON_ENDPOINTS)
@pytest.mark.parametrize(
    "body", [b"", b"  \n", b"<html>busy</html>", b"null", b'"x"', b'{"id":"x"', b"data: {}\n\n"]
)
def test_what_is_no_json_object_is_no_answer(endpoint: Endpoint, body: bytes) -> None:
    assert kind(endpoint, body) is FailureKind.PROTOCOL


@pytest.mark.parametrize("endpoint", JSON_ENDPOINTS)
@pytest.mark.parametrize(
    "body", [b"{}", b' \r\n{"a":1}\n', b'\xef\xbb\xbf{"a":1}', b'{"logprob":-Infinity}', b'{"text":"\xff"}']
)
def test_what_a_client_may_understand_is_passed(endpoint: Endpoint, body: bytes) -> None:
    assert kind(endpoint, body) is None


@pytest.mark.parametrize("endpoint", AUDIO)
@pytest.mark.parametrize(
    "body", [b"", b"Hello.", b"WEBVTT\n\n", b"1\n00:00 --> 00:01\nHi\n", b'{"text":"Hi"}', b"[" * 9]
)
def test_audio_may_be_answered_in_any_form(endpoint: Endpoint, body: bytes) -> None:
    assert kind(endpoint, body) is None


def test_only_rerank_may_answer_an_array() -> None:
    body = b'[{"index":0,"score":0.9}]'
    assert kind(Endpoint.RERANK, body) is None
    assert kind(Endpoint.EMBEDDINGS, body) is FailureKind.PROTOCOL


@pytest.mark.parametrize("endpoint", JSON_ENDPOINTS + AUDIO)
def test_an_error_in_a_200_is_found_whatever_is_beside_it(endpoint: Endpoint) -> None:
    body = json.dumps({"id": 5, "usage": "odd", "service_tier": [], "error": {"code": 429}}).encode()
    assert kind(endpoint, body) is FailureKind.RATE_LIMITED


FAILED: list[tuple[object, FailureKind]] = [
    ({"code": "server_error", "message": "m"}, FailureKind.SERVER_ERROR),
    ({"code": "rate_limit_exceeded", "message": "m"}, FailureKind.RATE_LIMITED),
    ({"code": "invalid_prompt", "message": "m"}, FailureKind.CLIENT_ERROR),
    ({"code": "something_else", "message": "m"}, FailureKind.CLIENT_ERROR),
    (None, FailureKind.STREAM_ERROR),
]


@pytest.mark.parametrize(("error", "expected"), FAILED)
def test_a_failed_response_is_an_error(error: object, expected: FailureKind) -> None:
    body = json.dumps({"id": "resp_1", "status": "failed", "error": error}).encode()
    assert kind(Endpoint.RESPONSES, body) is expected


@pytest.mark.parametrize("status", ["completed", "incomplete", "cancelled", "queued"])
def test_any_other_response_is_an_answer(status: str) -> None:
    body = json.dumps({"id": "resp_1", "status": status, "error": None}).encode()
    answer = OpenAIDialect().read_answer(Endpoint.RESPONSES, body)
    assert (answer.error, answer.response_id) == (None, "resp_1")


def test_a_stored_response_that_failed_is_told_as_it_is() -> None:
    body = b'{"id":"resp_1","status":"failed","error":{"code":"server_error"}}'
    assert kind(Endpoint.RESPONSES, body, stored=True) is None
    assert kind(Endpoint.RESPONSES, b"", stored=True) is None  # what deleting one may answer
    assert kind(Endpoint.RESPONSES, b"<html>", stored=True) is FailureKind.PROTOCOL


def test_usage_and_id() -> None:
    body = b'{"id":"c","usage":{"prompt_tokens":9,"completion_tokens":2},"service_tier":"flex"}'
    answer = OpenAIDialect().read_answer(Endpoint.CHAT, body)
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.service_tier) == (
        9,
        2,
        "flex",
    )
    assert answer.response_id == "c"
