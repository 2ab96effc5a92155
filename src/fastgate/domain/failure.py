"""What can go wrong with one attempt, and what may be done about it (DESIGN part 8)."""

from enum import StrEnum


class FailureKind(StrEnum):
    """Why an attempt failed: a label of metrics and log lines, documented in docs/failover.md."""

    DNS = "dns"
    CONNECT_REFUSED = "connect_refused"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS = "tls"
    POOL_TIMEOUT = "pool_timeout"
    RESET_BEFORE_RESPONSE = "reset_before_response"
    RESET_MID_BODY = "reset_mid_body"
    TRUNCATED = "truncated"
    HEADERS_TIMEOUT = "headers_timeout"
    FIRST_CONTENT_TIMEOUT = "first_content_timeout"
    BETWEEN_CHUNKS_TIMEOUT = "between_chunks_timeout"
    DEADLINE = "deadline"
    PROTOCOL = "protocol"
    RESPONSE_TOO_LARGE = "response_too_large"
    REDIRECT = "redirect"
    RATE_LIMITED = "rate_limited"
    CREDENTIAL_REJECTED = "credential_rejected"
    CREDENTIAL_UNAVAILABLE = "credential_unavailable"
    SERVER_ERROR = "server_error"
    CLIENT_ERROR = "client_error"
    STREAM_ERROR = "stream_error"
    CANCELLED = "cancelled"


class Scope(StrEnum):
    """Who is blamed for a failure, so who is skipped next."""

    CONNECTION = "connection"
    CREDENTIAL = "credential"
    DEPLOYMENT = "deployment"
    REQUEST = "request"
    NOBODY = "nobody"


SCOPE: dict[FailureKind, Scope] = {
    FailureKind.DNS: Scope.DEPLOYMENT,
    FailureKind.CONNECT_REFUSED: Scope.DEPLOYMENT,
    FailureKind.CONNECT_TIMEOUT: Scope.DEPLOYMENT,
    FailureKind.TLS: Scope.DEPLOYMENT,
    FailureKind.POOL_TIMEOUT: Scope.NOBODY,
    FailureKind.RESET_BEFORE_RESPONSE: Scope.DEPLOYMENT,
    FailureKind.RESET_MID_BODY: Scope.DEPLOYMENT,
    FailureKind.TRUNCATED: Scope.DEPLOYMENT,
    FailureKind.HEADERS_TIMEOUT: Scope.DEPLOYMENT,
    FailureKind.FIRST_CONTENT_TIMEOUT: Scope.DEPLOYMENT,
    FailureKind.BETWEEN_CHUNKS_TIMEOUT: Scope.DEPLOYMENT,
    FailureKind.DEADLINE: Scope.NOBODY,
    FailureKind.PROTOCOL: Scope.DEPLOYMENT,
    FailureKind.RESPONSE_TOO_LARGE: Scope.REQUEST,
    FailureKind.REDIRECT: Scope.DEPLOYMENT,
    FailureKind.RATE_LIMITED: Scope.CREDENTIAL,
    FailureKind.CREDENTIAL_REJECTED: Scope.CREDENTIAL,
    FailureKind.CREDENTIAL_UNAVAILABLE: Scope.CREDENTIAL,
    FailureKind.SERVER_ERROR: Scope.DEPLOYMENT,
    FailureKind.CLIENT_ERROR: Scope.REQUEST,
    FailureKind.STREAM_ERROR: Scope.DEPLOYMENT,
    FailureKind.CANCELLED: Scope.NOBODY,
}


class UpstreamError(Exception):
    """One attempt failed. `reused` says that it was on a pooled connection that had served before.

    `status`, `headers` and `body` are set where the upstream answered at all; names of headers are
    lower case. `retry_after_s` is what the upstream asked for. `translated`: the client speaks another format
    than the body's.
    """

    translated = False

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        reused: bool = False,
        status: int = 0,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        body: bytes = b"",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.reused = reused
        self.status = status
        self.headers = headers
        self.body = body
        self.retry_after_s = retry_after_s

    @property
    def scope(self) -> Scope:
        return SCOPE[self.kind]
