"""Errors, as Anthropic's SDK reads them."""

import anthropic
import msgspec
import pytest
from anthropic.types import BetaErrorResponse
from tests.support.messages_schema import read_by_sdk

from fastgate.errors import ERRORS
from fastgate.wire.interface import Problem
from fastgate.wire.messages import CLIENT
from fastgate.wire.messages.problem import status_of, type_of


def problem(status: int) -> Problem:
    return Problem(status, "M.", type="t", code="c", param="p", request_id="r-1")


@pytest.mark.parametrize(
    ("status", "type_", "raised"),
    [
        (400, "invalid_request_error", anthropic.BadRequestError),
        (401, "authentication_error", anthropic.AuthenticationError),
        (402, "billing_error", anthropic.APIStatusError),
        (403, "permission_error", anthropic.PermissionDeniedError),
        (404, "not_found_error", anthropic.NotFoundError),
        (405, "invalid_request_error", anthropic.APIStatusError),
        (413, "request_too_large", anthropic.APIStatusError),
        (429, "rate_limit_error", anthropic.RateLimitError),
        (500, "api_error", anthropic.InternalServerError),
        (502, "api_error", anthropic.InternalServerError),
        (503, "overloaded_error", anthropic.InternalServerError),
        (504, "timeout_error", anthropic.InternalServerError),
    ],
)
def test_what_the_sdk_raises(status: int, type_: str, raised: type[anthropic.APIStatusError]) -> None:
    _, body = CLIENT.write_problem(problem(status))
    with pytest.raises(raised) as caught:
        read_by_sdk(body, status)
    assert caught.value.body == {
        "type": "error",
        "error": {"type": type_, "message": "M."},
        "request_id": "r-1",
    }


# `request_too_large` is in the API's reference, and not in the SDK's types.
@pytest.mark.parametrize("status", sorted({spec.status for spec in ERRORS.values()} - {413}))
def test_every_status_of_the_gateway_has_a_type_of_the_sdk(status: int) -> None:
    _, body = CLIENT.write_problem(problem(status))
    response = BetaErrorResponse.model_validate(msgspec.json.decode(body))
    assert type(response.error).__name__ != "BetaErrorObject"


def test_headers() -> None:
    headers, _ = CLIENT.write_problem(problem(400))
    assert headers == [(b"content-type", b"application/json")]
    headers, body = CLIENT.write_problem(problem(400)._replace(request_id=""))
    assert headers == [(b"content-type", b"application/json")]
    assert msgspec.json.decode(body)["request_id"] is None


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 429, 500, 504, 529])
def test_types_and_statuses_agree(status: int) -> None:
    assert status_of(type_of(status)) == status
