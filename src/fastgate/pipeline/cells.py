"""The metrics that every exchange counts in, looked up once for all that are alike."""

from fastgate.observability.metrics import Metrics


class Cells:
    """The metrics of all exchanges with the same endpoint, provider, model and status."""

    __slots__ = (
        "duration",
        "input_tokens",
        "output_tokens",
        "overhead",
        "received_bytes",
        "requests",
        "sent_bytes",
    )

    def __init__(self, metrics: Metrics, endpoint: str, provider: str, model: str, status: int) -> None:
        self.requests = metrics.requests.labels(endpoint, provider, model, status)
        self.duration = metrics.request_duration.labels(endpoint, provider, model)
        self.overhead = metrics.overhead.labels(endpoint)
        self.received_bytes = metrics.downstream_received_bytes.labels(endpoint)
        self.sent_bytes = metrics.downstream_sent_bytes.labels(endpoint)
        self.input_tokens = metrics.input_tokens.labels(provider, model)
        self.output_tokens = metrics.output_tokens.labels(provider, model)
