"""The calls of a worker that died: settled at what had been delivered until then."""

from collections.abc import Callable
from typing import Final

from fastgate import clock
from fastgate._core.holds import Hold
from fastgate.domain.endpoint import Endpoint
from fastgate.domain.entry import Closing, Entry, Outcome, decode_opening
from fastgate.domain.price import Price
from fastgate.domain.usage import Usage
from fastgate.pricing.cost import cost_nano

BYTES_PER_TOKEN: Final = 4
# Of a streamed chunk, what is not text.
BYTES_PER_CHUNK: Final = 220

PriceOf = Callable[[str], Price | None]
"""By id."""


def entry_id(writer: str, serial: int) -> str:
    """As the worker would have named the entry of its hold."""
    return f"{writer}{serial:012x}"


def settled(writer: str, hold: Hold, price_of: PriceOf) -> Entry:
    """At what the provider had reported until then, else at an estimate of what had come."""
    opening = decode_opening(hold.opening)
    if hold.input_tokens or hold.output_tokens:
        usage = Usage(input_tokens=hold.input_tokens, output_tokens=hold.output_tokens)
    else:
        text_bytes = max(hold.output_bytes - hold.chunks * BYTES_PER_CHUNK, hold.chunks)
        usage = Usage(input_tokens=opening.input_tokens, output_tokens=-(-text_bytes // BYTES_PER_TOKEN))
    price = price_of(opening.hold_price) if opening.hold_price else None
    return Entry(
        opening,
        Closing(
            id=entry_id(writer, hold.serial),
            admitted_ns=hold.admitted_ns,
            settled_ns=clock.time_ns(),
            outcome=Outcome.WORKER_LOST,
            status=0,
            usage=usage,
            price="" if price is None else price.id,
            estimated=True,
            unpriced=price is None and opening.parties.endpoint != Endpoint.MODERATIONS,
            cost=0 if price is None else cost_nano(price, usage),
            charged=hold.accounts,
            duration_ms=0,
            ttft_ms=0,
        ),
    )
