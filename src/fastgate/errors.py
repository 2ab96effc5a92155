"""Errors that a client sees: one code, one status, one sentence that says what to do.

The shape on the wire belongs to the dialect of the endpoint (`wire`); this module knows none.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple


class ErrorSpec(NamedTuple):
    status: int
    type: str
    doc: str


INVALID: Final = "invalid_request_error"

ERRORS: Final[dict[str, ErrorSpec]] = {
    "invalid_json": ErrorSpec(
        400, INVALID, "The body is not valid JSON or UTF-8; the message gives the byte."
    ),
    "invalid_body": ErrorSpec(
        400, INVALID, "The body is not what the endpoint takes (an object, a form), or its chunks are broken."
    ),
    "invalid_field": ErrorSpec(
        400, INVALID, "A field that the gateway reads has a wrong type or spelling; `param` names it."
    ),
    "duplicate_key": ErrorSpec(
        400, INVALID, "A key stands twice in the body; which one counts is ambiguous."
    ),
    "unsupported_field": ErrorSpec(
        400,
        INVALID,
        "A field that the provider cannot be told, under `compat: strict` or since the rest says little "
        "without it (`thread` of Messages), or that `responses.store_translated` would have to allow; "
        "`param` names it.",
    ),
    "malformed_request": ErrorSpec(
        400,
        INVALID,
        "What was sent is not HTTP/1.1, or can be read in two ways; the message says what is wrong.",
    ),
    "missing_field": ErrorSpec(400, INVALID, "A required field is absent; `param` names it."),
    "missing_virtual_key": ErrorSpec(
        401, "authentication_error", "No virtual key in any of the known headers."
    ),
    "invalid_virtual_key": ErrorSpec(
        401, "authentication_error", "The virtual key is unknown, revoked or mistyped."
    ),
    "virtual_key_expired": ErrorSpec(
        401, "authentication_error", "The virtual key is past its `expires_at`."
    ),
    "virtual_key_disabled": ErrorSpec(401, "authentication_error", "The virtual key is switched off."),
    "budget_exceeded": ErrorSpec(
        402, "billing_error", "A budget does not cover what the call may cost; the message names it."
    ),
    "unpriced_model": ErrorSpec(
        402, "billing_error", "The model has no price, and `unpriced` says that such calls are refused."
    ),
    "model_not_allowed": ErrorSpec(403, "permission_error", "This virtual key may not use this model."),
    "provider_not_allowed": ErrorSpec(403, "permission_error", "This virtual key may not use this provider."),
    "model_not_found": ErrorSpec(404, INVALID, "No configured provider serves this model."),
    "response_not_found": ErrorSpec(404, INVALID, "No deployment is known for this stored response."),
    "unknown_path": ErrorSpec(404, INVALID, "There is no such endpoint."),
    "method_not_allowed": ErrorSpec(405, INVALID, "The endpoint exists, with another method: see `Allow`."),
    "request_timeout": ErrorSpec(408, "timeout_error", "The client sent its request too slowly."),
    "request_too_large": ErrorSpec(413, INVALID, "The body is larger than `server.max_body_bytes`."),
    "request_target_too_long": ErrorSpec(414, INVALID, "The path and query are longer than 32 KiB."),
    "unsupported_media_type": ErrorSpec(415, INVALID, "The endpoint takes another content type."),
    "request_head_too_large": ErrorSpec(431, INVALID, "The head has more than 64 KiB or 128 headers."),
    "rate_limit_exceeded": ErrorSpec(429, "rate_limit_error", "A rate limit is reached; see `Retry-After`."),
    "internal_error": ErrorSpec(500, "server_error", "A defect in the gateway; the log has the request id."),
    "not_supported": ErrorSpec(501, INVALID, "No allowed deployment of this model offers this endpoint."),
    "upstream_error": ErrorSpec(
        502, "upstream_error", "Every attempt failed; `x-fastgate-attempts` names each."
    ),
    "no_healthy_deployment": ErrorSpec(503, "server_error", "All deployments of the model are cooling down."),
    "ledger_unavailable": ErrorSpec(
        503, "server_error", "The journal is full, so what a call costs could not be recorded."
    ),
    "draining": ErrorSpec(503, "server_error", "The gateway is shutting down; connect again."),
    "upstream_timeout": ErrorSpec(504, "timeout_error", "No deployment answered within its timers."),
}


class GatewayError(Exception):
    """An answer of the gateway's own to the client. `code` is a key of `ERRORS`."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        param: str | None = None,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        super().__init__(message)
        spec = ERRORS[code]
        self.code = code
        self.status = spec.status
        self.type = spec.type
        self.message = message
        self.param = param
        self.headers = headers


def draining() -> GatewayError:
    return GatewayError(
        "draining",
        "This gateway is shutting down; connect again to reach another one.",
        headers=((b"connection", b"close"), (b"retry-after", b"1")),
    )


class ClientDisconnected(Exception):
    """The client went away; there is nobody to answer."""


class BrokenOff(Exception):
    """A started answer was cut and no error can follow: only a broken connection tells the client."""


class ConfigError(Exception):
    """The configuration cannot be used; the message lists every reason, a line each."""
