"""What becomes of fields that a provider cannot be told."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from fastgate.domain.snapshot import Compat
from fastgate.errors import GatewayError

if TYPE_CHECKING:
    from fastgate.pipeline.exchange import Exchange

HEADER: Final = b"x-fastgate-compat"


def compat_of(exchange: "Exchange") -> Compat:
    """The request's own word, else the configuration's. GatewayError invalid_field."""
    said = exchange.downstream.header(HEADER)
    if said is None:
        return exchange.generation.settings.compat
    try:
        return Compat(said.decode("latin-1").strip().lower())
    except ValueError:
        raise GatewayError(
            "invalid_field",
            "The header x-fastgate-compat is strict, drop or pass.",
            param="x-fastgate-compat",
        ) from None


def refuse_strictly(exchange: "Exchange", provider: str, unsaid: Sequence[str]) -> None:
    """GatewayError unsupported_field where nothing may be left out, and something is."""
    if unsaid and compat_of(exchange) is Compat.STRICT:
        raise GatewayError(
            "unsupported_field",
            f"{provider} cannot be told of {', '.join(unsaid)}, and `compat: strict` leaves nothing out.",
            param=unsaid[0],
        )
