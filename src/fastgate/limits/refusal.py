"""Which limit refused a request, and what its client is told."""

from collections.abc import Sequence
from typing import Final

from fastgate.domain.account import Limit, LimitRef, Measure
from fastgate.errors import GatewayError
from fastgate.limits.headers import NS_PER_S, Header, seconds_up

NEVER: Final = -1
"""As a wait: the request asks for more than the limit ever lets through at once."""

RECHECK_NS: Final = 50_000_000
"""As the wait for a cap on what is concurrent, of which nobody knows when it has room."""

_UNITS: Final = {
    Measure.REQUESTS: "request",
    Measure.INPUT_TOKENS: "input token",
    Measure.OUTPUT_TOKENS: "output token",
    Measure.TOKENS: "token",
    Measure.CONCURRENT: "concurrent request",
}
_PERIODS: Final = {1: "second", 60: "minute", 3_600: "hour", 86_400: "day"}


class Refusal:
    """`wait_ns` from the moment of the refusal: exact for a rate, `RECHECK_NS` for a cap, or `NEVER`.

    `index` is the limit's in its chain; `needed` is what the request asked of it.
    """

    __slots__ = ("index", "limit", "needed", "ref", "wait_ns")

    def __init__(self, index: int, ref: LimitRef, limit: Limit, needed: int, wait_ns: int) -> None:
        self.index = index
        self.ref = ref
        self.limit = limit
        self.needed = needed
        self.wait_ns = wait_ns

    @property
    def message(self) -> str:
        """One sentence, for the client."""
        limit = f"the limit of {describe(self.limit)} of {self.ref.owner}"
        if self.wait_ns == NEVER:
            return (
                f"The request needs {_count(self.needed, self.limit.measure)}, and {limit} lets "
                f"{self.limit.burst} through at once: send less text, or ask for fewer output tokens."
            )
        return f"T{limit[1:]} is reached; try again in {seconds_up(self.wait_ns)} s."

    def error(self, headers: Sequence[Header] = ()) -> GatewayError:
        """`rate_limit_exceeded`; `headers` are those of the chain, which go with it."""
        # OpenAI's SDKs honour both names.
        when = (
            (b"x-should-retry", b"false")
            if self.wait_ns == NEVER
            else (b"retry-after", b"%d" % seconds_up(self.wait_ns))
        )
        return GatewayError("rate_limit_exceeded", self.message, headers=(when, *headers))


def describe(limit: Limit) -> str:
    """`600 requests per minute`, `5 concurrent requests`."""
    text = _count(limit.amount, limit.measure)
    if limit.measure is Measure.CONCURRENT:
        return text
    seconds, rest = divmod(limit.period_ns, NS_PER_S)
    period = f"{limit.period_ns} ns" if rest else _PERIODS.get(seconds, f"{seconds} s")
    return f"{text} per {period}"


def _count(number: int, measure: Measure) -> str:
    return f"{number} {_UNITS[measure]}{'' if number == 1 else 's'}"
