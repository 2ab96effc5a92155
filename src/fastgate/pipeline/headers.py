"""The headers of an answer: the gateway's own, and those of the provider that users rely on."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from fastgate import clock
from fastgate.domain.format import Format
from fastgate.pipeline.destination import header_value

if TYPE_CHECKING:
    from fastgate.pipeline.attempt import Attempt
    from fastgate.pipeline.exchange import Exchange

Header = tuple[bytes, bytes]

MAX_LISTED: Final = 1024

UPSTREAM_REQUEST_ID: Final = b"x-fastgate-upstream-request-id"
_RELAYED: Final[dict[bytes, bytes]] = {
    b"content-type": b"content-type",
    b"content-disposition": b"content-disposition",
    b"openai-processing-ms": b"openai-processing-ms",
    b"openai-version": b"openai-version",
    b"openai-model": b"openai-model",
    b"x-request-id": UPSTREAM_REQUEST_ID,
    b"apim-request-id": UPSTREAM_REQUEST_ID,
    b"request-id": UPSTREAM_REQUEST_ID,
    b"x-amzn-requestid": UPSTREAM_REQUEST_ID,
    b"x-simulated": b"x-simulated",
}
# Where the SDKs of these look for the id of a request, which they put into their errors.
_OF_SDK: Final = {
    Format.MESSAGES: b"request-id",
    Format.CONVERSE: b"x-amzn-requestid",
    Format.INVOKE: b"x-amzn-requestid",
}
_LIMITS: Final = (b"x-ratelimit-", b"anthropic-ratelimit-")
_RELAYED_LIMITS: Final = b"x-upstream-ratelimit-"
DROPPED: Final = b"x-fastgate-dropped"
DEPRECATED: Final = b"x-fastgate-model-deprecated"


def relayed(headers: list[Header]) -> list[Header]:
    """The provider's headers that come back, under the names they come back by."""
    out: list[Header] = []
    upstream_id = False
    for name, value in headers:
        renamed = _RELAYED.get(name)
        if renamed is not None:
            if renamed is UPSTREAM_REQUEST_ID:
                if upstream_id:
                    continue
                upstream_id = True
            out.append((renamed, value))
        elif name.startswith(_LIMITS):
            out.append((_RELAYED_LIMITS + name.partition(b"ratelimit-")[2], value))
    return out


def retyped(headers: list[Header], content_type: bytes) -> list[Header]:
    """With another content type than the provider's."""
    return [(b"content-type", content_type), *(each for each in headers if each[0] != b"content-type")]


def listed(names: Sequence[str]) -> bytes:
    return header_value(", ".join(names))[:MAX_LISTED]


def own(exchange: "Exchange", attempt: "Attempt | None") -> list[Header]:
    """`x-fastgate-*`: what answered, after how many tries, and the gateway's own time until now.

    Own time is all but the waits for the client's body and for upstream answers.
    """
    request_id = exchange.request_id.encode("ascii")
    out: list[Header] = [
        (b"x-fastgate-request-id", request_id),
        (_OF_SDK.get(exchange.operation.errors, b"x-request-id"), request_id),
    ]
    if attempt is not None:
        out += attempt.destination.headers
        if dropped := attempt.unsaid if attempt.translation is None else attempt.translation.dropped:
            out.append((DROPPED, listed(dropped)))
        if attempt.plan.deprecated is not None:
            out.append((DEPRECATED, header_value(attempt.plan.deprecated)))
        if len(exchange.attempts) == 1 and attempt.call.status == 200:
            out.append(attempt.destination.first_ok)
        else:
            out.append((b"x-fastgate-attempts", _attempts(exchange)))
    elif exchange.attempts:
        out.append((b"x-fastgate-attempts", _attempts(exchange)))
    own_ns = clock.monotonic_ns() - exchange.started_ns - exchange.waited_ns
    exchange.overhead_ns = max(own_ns, 0)
    out.append((b"x-fastgate-overhead-us", str(exchange.overhead_ns // 1000).encode()))
    return out


def _attempts(exchange: "Exchange") -> bytes:
    """`deployment:credential=result(status)`, one a try, in order; the running one is `ok`."""
    tries = []
    for record in exchange.attempts:
        where = f"{record.deployment}:{record.credential}" if record.credential else record.deployment
        status = f"({record.status})" if record.status else ""
        tries.append(f"{where}={record.result or 'ok'}{status}")
    return listed(tries)
