"""What all attempts on one deployment, model and credential share: worked out once, not once a request."""

from collections.abc import Callable
from typing import Final

from fastgate.domain.credential import Secret
from fastgate.domain.format import Format
from fastgate.errors import GatewayError
from fastgate.observability.catalogue import OTHER
from fastgate.observability.metrics import Metrics
from fastgate.providers.interface import Dialect
from fastgate.providers.registry import DIALECTS
from fastgate.routing.plan import Choice
from fastgate.upstream.client import Origin

Header = tuple[bytes, bytes]

MAX_DESTINATIONS: Final = 4096


class Destination:
    """`headers` name it in answers; `name` is how `x-fastgate-attempts` calls it; `heads` is the
    dialect's cache of request heads. `secret()` is what to present now, None where the provider asks for
    nothing; UpstreamError credential_unavailable. Lives as long as the configuration."""

    __slots__ = (
        "_choice",
        "_spoken",
        "attempts",
        "cost",
        "dialect",
        "first_ok",
        "headers",
        "heads",
        "latency",
        "model_label",
        "name",
        "origin",
        "overshoot",
        "received_bytes",
        "secret",
        "sent_bytes",
    )

    def __init__(
        self, choice: Choice, origin: Origin, secret: Callable[[], Secret | None], metrics: Metrics
    ) -> None:
        provider, deployment = choice.provider, choice.deployment
        self.origin = origin
        self._choice = choice
        self.secret = secret
        self._spoken: dict[Format, Format] = {}
        self.dialect: Dialect = DIALECTS[provider.dialect]
        self.heads: dict[tuple[object, ...], bytes] = {}
        self.name = deployment.id if choice.credential is None else f"{deployment.id}:{choice.credential.id}"
        self.headers: tuple[Header, ...] = (
            (b"x-fastgate-provider", provider.name.encode()),
            (b"x-fastgate-model", header_value(choice.model)),
            (b"x-fastgate-deployment", header_value(deployment.id)),
        )
        self.first_ok: Header = (b"x-fastgate-attempts", header_value(f"{self.name}=ok(200)"))
        self.model_label = OTHER if deployment.model == "*" else deployment.model
        self.latency = metrics.upstream_latency.labels(provider.name, self.model_label)
        self.attempts = metrics.attempts.labels(provider.name, deployment.id)
        self.overshoot = metrics.overshoot.labels()
        self.cost = metrics.cost.labels(provider.name, self.model_label)
        self.sent_bytes = metrics.upstream_sent_bytes.labels(provider.name)
        self.received_bytes = metrics.upstream_received_bytes.labels(provider.name)

    def spoken(self, wanted: Format) -> Format:
        """What to speak to it for a client that speaks `wanted`. GatewayError not_supported."""
        found = self._spoken.get(wanted)
        if found is None:
            found = self.dialect.format_for(wanted, self._choice.provider, self._choice.model)
            if found is None:
                raise GatewayError(
                    "not_supported", f"{self._choice.provider.name} has nothing that answers {wanted.value}."
                )
            self._spoken[wanted] = found
        return found


def nothing() -> None:
    """The secret of a deployment that has no credentials."""


def header_value(text: str) -> bytes:
    """Visible ASCII only: names of models may come from a client."""
    if text.isascii() and text.isprintable():
        return text.encode("ascii")
    return "".join(c if " " <= c <= "~" else "?" for c in text).encode("ascii")
