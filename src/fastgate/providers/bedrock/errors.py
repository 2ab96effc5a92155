"""Bedrock's errors, and what each means for failover."""

from collections.abc import Sequence
from typing import Final

import msgspec

from fastgate.domain.failure import UpstreamError
from fastgate.providers.common.errors import classify_status
from fastgate.providers.interface import Header

_MEANS: Final = {
    "ServiceQuotaExceededException": 429,
    "LimitExceededException": 429,
    "TooManyRequestsException": 429,
    "ModelErrorException": 500,
    "ModelStreamErrorException": 500,
    # The signature's or the keys' fault, with whatever status.
    "ExpiredTokenException": 403,
    "UnrecognizedClientException": 403,
    "InvalidSignatureException": 403,
    "SignatureDoesNotMatchException": 403,
    "IncompleteSignatureException": 403,
    "IncompleteSignature": 403,
    "MissingAuthenticationTokenException": 403,
    "MissingAuthenticationToken": 403,
    "InvalidClientTokenId": 403,
    "OptInRequired": 403,
}
"""Statuses that would say the same, for names whose own status says something else."""


class _Body(msgspec.Struct):
    type: str | None = msgspec.field(name="__type", default=None)


_bodies: Final = msgspec.json.Decoder(_Body)


def classify_error(status: int, headers: Sequence[Header], body: bytes) -> UpstreamError:
    return classify_status(status, headers, body, means=_MEANS.get(_name(headers, body), 0))


def _name(headers: Sequence[Header], body: bytes) -> str:
    """Without what may stand around it: `com.amazon.coral.service#ThrottlingException`, or a URL behind."""
    said = next((value.decode("latin-1") for name, value in headers if name == b"x-amzn-errortype"), None)
    if said is None:
        try:
            said = _bodies.decode(body).type
        except (ValueError, RecursionError):
            said = None
    return (said or "").partition(":")[0].rpartition("#")[2]
