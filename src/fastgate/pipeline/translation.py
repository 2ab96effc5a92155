"""A request written for a provider of another format, and its answer written back for the client."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from fastgate import clock
from fastgate.domain.conversation import Conversation, Places
from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.format import Format
from fastgate.domain.snapshot import Compat
from fastgate.pipeline.compat import compat_of, refuse_strictly
from fastgate.providers.interface import Answer
from fastgate.providers.passthrough import Translated, read_summary
from fastgate.routing.plan import Choice
from fastgate.wire import options
from fastgate.wire.beside import BesideWatch
from fastgate.wire.formats import CLIENTS, PROVIDERS
from fastgate.wire.interface import Asked, Losses, Request, Target
from fastgate.wire.places import client_names
from fastgate.wire.unread import is_path, left_out

if TYPE_CHECKING:
    from fastgate.pipeline.exchange import Exchange


class Translation:
    """Of one attempt. `losses` are what the provider was not told, `unsaid` what the client was not, until
    now."""

    __slots__ = ("_asked", "_choice", "_client", "_exchange", "_provider", "losses", "unsaid")

    def __init__(self, exchange: "Exchange", choice: Choice, wanted: Format, spoken: Format) -> None:
        self._exchange = exchange
        self._choice = choice
        self._client = CLIENTS[wanted]
        self._provider = PROVIDERS[spoken]
        self.losses = Losses()
        self.unsaid = Losses()
        self._asked = Asked(
            request=self._request(),
            model=choice.model,
            fallback_id=exchange.request_id,
            created_s=clock.time_ns() // 1_000_000_000,
            include_usage=exchange.envelope is not None and exchange.envelope.include_usage,
            path=exchange.downstream.path,
            query=exchange.downstream.query.decode("latin-1"),
            continues=exchange.winner is not None,
        )

    @property
    def request(self) -> Request:
        return self._asked.request

    @property
    def dropped(self) -> list[str]:
        """All that was left out until now: of the request, and of the answer as `answer.…`."""
        return self.losses.names + self.unsaid.names

    @property
    def stream_type(self) -> bytes:
        return self._client.stream_type

    def _request(self) -> Request:
        exchange = self._exchange
        if exchange.neutral is None:
            assert exchange.envelope is not None
            exchange.neutral = self._client.read_request(exchange.envelope.body, exchange.path_model)
        return exchange.neutral

    def members(self, cap: int | None, headers: Sequence[str] = ()) -> dict[str, Any]:
        """The body's top-level members. `headers`: what of the client's the provider is not told.
        GatewayError unsupported_field where nothing may be left out."""
        request, provider = self._asked.request, self._choice.provider
        losses = Losses(client_names(request))
        target = Target(
            provider=provider.name,
            model=self._choice.model,
            stream=self._exchange.stream,
            default_max_tokens=self._exchange.generation.settings.money.default_output_hold_tokens,
            cap=cap,
            output_cap=provider.output_cap,
            ask_usage=provider.stream_usage,
            dialect=provider.dialect,
        )
        members = self._provider.write_request(request, target, losses)
        options.add(members, request.options, self._provider.format.value, provider.dialect, provider.name)
        compat = compat_of(self._exchange)
        for name in left_out(members, request.extra):
            # What stands deeper down has no place in another format's body.
            apart = name in members or is_path(name) or options.decides(name)
            if compat is Compat.PASS and not apart:
                members[name] = request.extra[name]
            else:
                losses.leave_out(name)
        for name in headers:
            losses.leave_out(name)
        refuse_strictly(self._exchange, provider.name, losses.names)
        self.losses.names += losses.names
        self._asked = self._asked._replace(request=_without_content(request))
        return members

    def decoder(self) -> Translated:
        writer = self._client.stream_writer(self._asked)
        self.unsaid = writer.losses
        return Translated(self._provider, writer)

    def answer(self, body: bytes) -> tuple[Answer, bytes]:
        """What is read of a whole answer, and what the client gets of it. UpstreamError."""
        try:
            answer = self._provider.read_answer(body)
        except (ValueError, RecursionError):
            read = read_summary(self._provider, body)
            if read.error is None:
                raise UpstreamError(FailureKind.PROTOCOL, "a body that is no answer") from None
            return read, b""
        written = self._client.write_answer(answer, self._asked, self.unsaid)
        BesideWatch(self._provider.beside, self.unsaid).look(body)
        return Answer(answer.usage, answer.id or None, None), written


def _without_content(request: Request) -> Request:
    """What an answer's writer asks of a conversation: streams stay open for long, and prompts are large."""
    if not isinstance(request, Conversation):
        return request
    return msgspec.structs.replace(request, messages=(), tools=(), extra={}, options={}, places=Places())
