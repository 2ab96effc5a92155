"""Path and method → handler. Everything not listed here is refused, in the dialect of the path."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastgate.api import models, named_paths, operations, self_service, stored_responses
from fastgate.api.cors import Cors
from fastgate.api.service_pages import ServicePages
from fastgate.downstream.interface import Downstream
from fastgate.errors import BrokenOff, ClientDisconnected, GatewayError
from fastgate.pipeline.count import answer_count
from fastgate.pipeline.exchange import Exchange
from fastgate.pipeline.operation import Operation
from fastgate.pipeline.payer import COUNTS
from fastgate.pipeline.run import Answer, proxy, run
from fastgate.pipeline.services import Services

Handler = Callable[[Downstream], Awaitable[None]]


class Router:
    """The data plane's handler for one worker."""

    def __init__(self, services: Services, pages: ServicePages, control_socket: Path) -> None:
        self._services = services
        self._cors = Cors(services)
        self._routes: dict[tuple[str, str], Handler] = {}
        self._methods: dict[str, list[str]] = {}
        for path, page in pages.handlers.items():
            self._add("GET", path, page)
            self._add("HEAD", path, page)
        for prefix in operations.PREFIXES:
            for path, operation in operations.OPERATIONS.items():
                self._add("POST", prefix + path, self._proxy(operation))
        for prefix, operation in named_paths.MODEL_LISTS.items():
            self._add("GET", prefix + "/models", self._answer(operation, models.answer_list))
        for prefix in operations.ANTHROPIC_PREFIXES:
            self._add("POST", prefix + operations.MESSAGES.path, self._proxy(operations.MESSAGES))
            self._add(
                "POST",
                prefix + operations.COUNT_TOKENS.path,
                self._answer(operations.COUNT_TOKENS, answer_count),
            )
        for path, operation in operations.COHERE.items():
            self._add("POST", path, self._proxy(operation))
        own = {"/budget": self_service.answer_budget, "/usage": self_service.answer_usage(control_socket)}
        for path, answer in own.items():
            self._add("GET", "/v1" + path, self._answer(operations.SELF_SERVICE[path], answer))

    def _add(self, method: str, path: str, handler: Handler) -> None:
        self._routes[method, path] = handler
        self._methods.setdefault(path, []).append(method)

    async def handle(self, downstream: Downstream) -> None:
        """Answer one request. Where the client is gone there is nobody to tell; where an answer broke off
        without an error of its own, leaving it without its end makes the server break the connection."""
        handler = self._routes.get((downstream.method, downstream.path))
        try:
            if self._cors.enabled and await self._cors.answered(downstream):
                return
            if handler is not None:
                await handler(downstream)
            else:
                await self._by_pattern(downstream)
        except (ClientDisconnected, BrokenOff):
            return
        except GatewayError as error:
            refused = operations.REFUSED[named_paths.format_of(downstream.path)]
            await run(Exchange(self._services, downstream, refused), _refuse(error))

    def _proxy(self, operation: Operation) -> Handler:
        services = self._services

        def handler(downstream: Downstream) -> Awaitable[None]:
            return run(Exchange(services, downstream, operation))

        return handler

    def _answer(self, operation: Operation, answer: Answer) -> Handler:
        services = self._services

        def handler(downstream: Downstream) -> Awaitable[None]:
            return run(Exchange(services, downstream, operation), answer)

        return handler

    async def _by_pattern(self, downstream: Downstream) -> None:
        """Paths with a name in them."""
        if downstream.refused is not None:
            raise downstream.refused
        path, method = downstream.path, downstream.method
        if (named := named_paths.find(path, method)) is not None:
            _require(method, ["POST"])
            exchange = Exchange(self._services, downstream, named.operation)
            exchange.path_model = named.model
            await run(exchange, answer_count if named.operation.endpoint in COUNTS else proxy)
            return
        for prefix, operation in named_paths.MODEL_LISTS.items():
            if path.startswith(prefix + "/models/"):
                _require(method, ["GET"])
                answer = models.answer_one(path[len(prefix) + len("/models/") :])
                await run(Exchange(self._services, downstream, operation), answer)
                return
        for prefix in operations.PREFIXES:
            if path.startswith(prefix + "/responses/"):
                rest = path[len(prefix) + len("/responses/") :]
                await stored_responses.handle(self._services, downstream, rest)
                return
        if allowed := self._methods.get(path):
            _require(method, allowed)
        raise GatewayError("unknown_path", f"There is no endpoint {method} {path[:200]}; see docs/api.md.")


def _refuse(error: GatewayError) -> Answer:
    async def answer(exchange: Exchange) -> None:
        raise error

    return answer


def _require(method: str, allowed: list[str]) -> None:
    if method not in allowed:
        listed = ", ".join(allowed)
        raise GatewayError(
            "method_not_allowed",
            f"{method} is not allowed here; use {listed}.",
            headers=((b"allow", listed.encode()),),
        )
