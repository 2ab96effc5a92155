"""Cross-origin access (WHATWG Fetch, CORS protocol), for the origins that the configuration allows."""

from typing import Final

from fastgate.downstream.interface import Downstream, Header
from fastgate.pipeline.services import Services

_EXPOSED: Final = b", ".join(
    (
        b"x-fastgate-request-id",
        b"x-request-id",
        b"request-id",
        b"x-fastgate-provider",
        b"x-fastgate-model",
        b"x-fastgate-deployment",
        b"x-fastgate-attempts",
        b"x-fastgate-dropped",
        b"x-fastgate-estimated",
        b"x-fastgate-model-deprecated",
        b"x-fastgate-overhead-us",
        b"x-fastgate-upstream-request-id",
        b"retry-after",
        b"openai-processing-ms",
    )
)


class Cors:
    """Answers preflights itself, and gives every other answer the headers that let the page read it."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @property
    def enabled(self) -> bool:
        return bool(self._services.generation.settings.cors_origins)

    async def answered(self, downstream: Downstream) -> bool:
        """Whether the request was a preflight, and so is done with."""
        origin = downstream.header(b"origin")
        settings = self._services.generation.settings
        allowed = settings.cors_origins
        if origin is None or not ("*" in allowed or origin.decode("latin-1") in allowed):
            downstream.extra_headers = [(b"vary", b"origin")]
            return False
        grant: list[Header] = [(b"access-control-allow-origin", origin), (b"vary", b"origin")]
        requested = downstream.header(b"access-control-request-method")
        if downstream.method == "OPTIONS" and requested is not None:
            wanted = downstream.header(b"access-control-request-headers") or b"authorization, content-type"
            grant += [
                (b"access-control-allow-methods", b"GET, POST, DELETE, OPTIONS"),
                (b"access-control-allow-headers", wanted),
                (b"access-control-max-age", b"%d" % settings.cors_max_age_s),
            ]
            await downstream.respond(204, grant, b"")
            return True
        downstream.extra_headers = [*grant, (b"access-control-expose-headers", _EXPOSED)]
        return False
