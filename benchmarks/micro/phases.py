"""One request after the other through the whole pipeline, phase by phase: a real exchange between a client
and a provider that are made up (`fakes`). Whole answers of 1 KB and streams, without and with governance.

Phases are timed by the wall clock, which costs 40 ns to read where the CPU's costs 400; what counts is the
lower quartile of the requests. A whole request is timed by CPU, of all threads, and has what no phase has:
collecting garbage, and the thread that writes the log.
"""

import time
from typing import Final

import uvloop
from benchmarks.micro import configurations, fakes, plane
from benchmarks.micro.timing import Effort, Measured, batch_ns, lower_quartile, turn

from fastgate import clock
from fastgate.api.operations import OPERATIONS
from fastgate.errors import GatewayError
from fastgate.pipeline.admit import admit
from fastgate.pipeline.attempt import Attempt
from fastgate.pipeline.authenticate import authenticate
from fastgate.pipeline.exchange import Exchange
from fastgate.pipeline.hold import held
from fastgate.pipeline.receive import receive
from fastgate.pipeline.relay import relay
from fastgate.pipeline.route import route
from fastgate.pipeline.run import Answer, proxy, run
from fastgate.pipeline.services import Services
from fastgate.routing.plan import Choice
from fastgate.upstream.connection import Connection

BLOCK: Final = 50
TURNS: Final = 200
CHUNKS: Final = 50

PROSE: Final = b"The quick brown fox jumps over the lazy dog. " * 20
BODY: Final = b'{"model":"bench","messages":[{"role":"user","content":"%b"}],"temperature":0.2}' % PROSE
STREAM_BODY: Final = BODY[:-1] + b',"stream":true}'
ANSWER: Final = (
    b'{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"bench","choices":'
    b'[{"index":0,"message":{"role":"assistant","content":"%b","refusal":null,"annotations":[]},"logprobs":null,'
    b'"finish_reason":"stop"}],"usage":{"prompt_tokens":200,"completion_tokens":160,"total_tokens":360}}'
) % (b"Hello. " * 80)
_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nserver: bench\r\ndate: Tue, 24 Nov 2026 15:00:00 GMT\r\ncontent-type: %b\r\n"
    b"x-request-id: req_0123456789abcdef\r\n%b\r\nconnection: keep-alive\r\n\r\n"
)
WHOLE: Final = (_HEAD % (b"application/json", b"content-length: %d" % len(ANSWER)) + ANSWER,)


def _event(choices: bytes, usage: bytes = b"null") -> bytes:
    data = (
        b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"bench",'
        b'"choices":[%b],"usage":%b}\n\n' % (choices, usage)
    )
    return _chunk(data)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


_CONTENT: Final = _event(b'{"index":0,"delta":{"content":" token"},"logprobs":null,"finish_reason":null}')
STREAM: Final = (
    _HEAD % (b"text/event-stream", b"transfer-encoding: chunked")
    + _event(b'{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}')
    + _CONTENT,
    *([_CONTENT] * CHUNKS),
    _event(b'{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}')
    + _event(b"", b'{"prompt_tokens":200,"completion_tokens":51,"total_tokens":251}')
    + _chunk(b"data: [DONE]\n\n")
    + b"0\r\n\r\n",
)


class Laps:
    """How long each phase took, of every request; less what looking at the watch takes."""

    def __init__(self) -> None:
        self._last_ns = 0
        self.times: dict[str, list[int]] = {}

    def begin(self) -> None:
        self._last_ns = time.perf_counter_ns()

    def lap(self, name: str) -> None:
        now_ns = time.perf_counter_ns()
        self.times.setdefault(name, []).append(now_ns - self._last_ns)
        self._last_ns = time.perf_counter_ns()

    def quartiles(self) -> dict[str, float]:
        idle = Laps()
        idle.begin()
        for _ in range(1_000):
            idle.lap("")
        watch_ns = lower_quartile(idle.times[""])
        return {name: max(lower_quartile(times) - watch_ns, 0.0) for name, times in self.times.items()}


def phase_by_phase(lap: fakes.Lap) -> Answer:
    """The straight path of `pipeline.run.proxy` and `pipeline.fallback.obtain`, where nothing fails."""

    async def answer(exchange: Exchange) -> None:
        lap("accept")
        authenticate(exchange)
        lap("authenticate")
        await receive(exchange)
        lap("receive")
        plan = route(exchange)
        lap("route")
        assert admit(exchange) is None
        lap("admit")
        choice = plan.next(clock.monotonic_ns())
        assert isinstance(choice, Choice)
        lap("choose")
        charge = held(exchange, plan, choice)
        assert not isinstance(charge, GatewayError)
        lap("hold")
        attempt = Attempt(exchange, plan, choice, charge)
        await attempt.run()
        lap("read")
        if attempt.body:
            attempt.close()
            lap("charge")
        await relay(exchange, attempt)

    return answer


class Bench:
    """Requests on one data plane, to a provider that answers all with the same `pieces`."""

    def __init__(self, services: Services, body: bytes, pieces: tuple[bytes, ...], laps: Laps | None) -> None:
        self._services = services
        self._laps = laps
        self._lap = fakes.no_lap if laps is None else laps.lap
        self._answer = proxy if laps is None else phase_by_phase(laps.lap)
        self._body = body
        self._headers = (
            (b"host", b"127.0.0.1:8080"),
            (b"user-agent", b"OpenAI/Python 3.0.0"),
            (b"content-type", b"application/json"),
            (b"authorization", f"Bearer {configurations.SECRET}".encode()),
            (b"content-length", b"%d" % len(body)),
        )
        self._transport = fakes.FakeTransport(pieces, self._lap)
        deployment = next(iter(services.generation.snapshot.deployments))  # all are at one provider
        self._pool = services.client.pool(services.generation.origin(deployment))
        self._connection = Connection()
        self._connection.owner = self._pool
        self._transport.connect(self._connection)

    async def block_ns(self) -> int:
        """CPU time of one of many requests, one after the other; none may fail."""
        self._pool.put(self._connection)
        began_ns = time.process_time_ns()
        for _ in range(BLOCK):
            await self._request()
        taken_ns = time.process_time_ns() - began_ns
        assert self._pool.take() is self._connection
        self._services.accounting.writer.tend(clock.monotonic_ns())
        return taken_ns // BLOCK

    async def _request(self) -> None:
        downstream = fakes.FakeDownstream(self._headers, self._body, self._lap, self._transport.next)
        if self._laps is not None:
            self._laps.begin()
        await run(Exchange(self._services, downstream, OPERATIONS["/chat/completions"]), self._answer)
        self._lap("finish")
        assert downstream.finished
        assert downstream.status == 200


async def _measured(name: str, logged: Services, silent: Services, effort: Effort) -> list[Measured]:
    """`silent` writes no log line: the difference is what one takes."""
    found: list[Measured] = []
    for kind, body, pieces in (("whole", BODY, WHOLE), ("stream", STREAM_BODY, STREAM)):
        laps, silent_laps = Laps(), Laps()
        timed = Bench(logged, body, pieces, laps)
        untold = Bench(silent, body, pieces, silent_laps)
        straight = Bench(logged, body, pieces, None)
        for bench in (timed, untold, straight):
            await bench.block_ns()
        laps.times.clear()
        silent_laps.times.clear()
        turns_ns: list[int] = []
        cpu_ns: list[int] = []
        for _ in range(effort.rounds):
            turns_ns.append(batch_ns(turn, TURNS) // TURNS)
            await timed.block_ns()
            await untold.block_ns()
            cpu_ns.append(await straight.block_ns())
        ns = laps.quartiles()
        finish_ns = silent_laps.quartiles()["finish"]
        ns |= {"log line": max(ns["finish"] - finish_ns, 0.0), "finish": finish_ns}
        ns["all, CPU"] = lower_quartile(cpu_ns)
        turn_ns = lower_quartile(turns_ns)
        found += [Measured(f"{name} {kind}: {phase}", each, each / turn_ns) for phase, each in ns.items()]
    return found


async def _all(effort: Effort) -> list[Measured]:
    found: list[Measured] = []
    for name in configurations.NAMES:
        async with (
            plane.data_plane(name, log_requests=True) as logged,
            plane.data_plane(name, log_requests=False) as silent,
        ):
            found += await _measured(name, logged._services, silent._services, effort)
    return found


def measured(effort: Effort) -> list[Measured]:
    """Phases are called as `pipeline` calls them, but for `accept` (the exchange is made), `choose` (the next
    of the plan), `parse` (the head of the provider's answer, and the body that came with it), `read` (from
    there to what may go to the client) and `finish` (metrics, and letting go of everything)."""
    return uvloop.run(_all(effort))
