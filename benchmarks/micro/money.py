"""python -m benchmarks.micro.money

What holds, limits and ledger entries cost a request, phase by phase in one process: without a price, and with
five budgets and six rate limits.
"""

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import quantiles
from types import SimpleNamespace
from typing import Any

import yaml
from benchmarks.load import contestants
from benchmarks.micro.timing import report
from tests.support.in_process import conversation
from tests.support.worker_process import Published

from fastgate import clock
from fastgate.api.operations import OPERATIONS
from fastgate.app.build import build_data_plane
from fastgate.app.context import WorkerContext
from fastgate.domain.entry import Outcome
from fastgate.domain.usage import Usage
from fastgate.downstream.asgi import AsgiDownstream
from fastgate.errors import GatewayError
from fastgate.pipeline.admit import admit
from fastgate.pipeline.exchange import Exchange
from fastgate.pipeline.hold import held
from fastgate.pipeline.money_headers import money
from fastgate.pipeline.receive import receive
from fastgate.pipeline.route import route
from fastgate.pipeline.run import Answer, run
from fastgate.routing.plan import Choice

CALLS = 6_000
PHASES = ("admit", "hold", "settle", "headers")
BODY = b'{"model":"bench","messages":[{"role":"user","content":"%s"}]}' % (b"The quick brown fox. " * 45)
USAGE = Usage(input_tokens=200, output_tokens=160)


def configuration(text: str, directory: str) -> dict[str, Any]:
    places = {"port": 1, "upstream": 9, "workers": 1, "directory": directory, "secret": contestants.SECRET}
    given: dict[str, Any] = yaml.safe_load(text.format(**places))
    return given | {"logging": {"requests": False}}


def timed(spent: dict[str, list[int]]) -> Answer:
    """The phases of one request, each with its time in `spent`; the provider answers at once."""

    async def answer(exchange: Exchange) -> None:
        exchange.key = exchange.services.authenticator.authenticate(contestants.SECRET.encode())
        await receive(exchange)
        plan = route(exchange)
        choice = plan.next(clock.monotonic_ns())
        assert isinstance(choice, Choice)
        destination = exchange.generation.destination(choice, exchange.services.metrics)
        marks = [time.perf_counter_ns()]
        assert admit(exchange) is None
        marks.append(time.perf_counter_ns())
        charge = held(exchange, plan, choice)
        assert not isinstance(charge, GatewayError)
        charge.sending()
        now_ns = clock.monotonic_ns()
        attempt: Any = SimpleNamespace(
            exchange=exchange,
            choice=choice,
            destination=destination,
            usage=USAGE,
            call=SimpleNamespace(status=200),
            started_ns=now_ns,
            content_ns=now_ns,
        )
        marks.append(time.perf_counter_ns())
        charge.settle(attempt, Outcome.COMPLETE)
        marks.append(time.perf_counter_ns())
        money(exchange)
        marks.append(time.perf_counter_ns())
        plan.succeeded(choice, 1_000, keep_open=True)
        plan.ended(choice)
        for name, begun, ended in zip(PHASES, marks, marks[1:], strict=True):
            spent[name].append(ended - begun)

    return answer


async def measured(name: str, text: str) -> dict[str, object]:
    """Microseconds, of the faster quarter: other processes take their share of the rest."""
    spent: dict[str, list[int]] = {phase: [] for phase in PHASES}
    with tempfile.TemporaryDirectory() as directory:
        published = Published(Path(directory), configuration(text, directory))
        assert published.publisher.publish().ok
        snapshot = published.publisher.current()
        published.store.close()
        plane = build_data_plane(
            WorkerContext(
                index=0,
                data_dir=published.data_dir,
                counters=published.counters,
                snapshot=snapshot,
                metrics_enabled=True,
                max_series=10_000,
            )
        )
        services, answer = plane._services, timed(spent)
        for number in range(CALLS):
            talk = conversation(BODY, contestants.SECRET)
            downstream = AsgiDownstream(talk.scope, talk.receive, talk.send)
            await run(Exchange(services, downstream, OPERATIONS["/chat/completions"]), answer)
            if number % 1_000 == 0:
                services.accounting.writer.tend(clock.monotonic_ns())
        await plane.aclose()
        published.close()
    us = {phase: round(quantiles(times)[0] / 1_000, 2) for phase, times in spent.items()}
    return {"benchmark": f"money: {name}", **us, "all": round(sum(us.values()), 2)}


async def main() -> None:
    for name, text in (("plain", contestants._FASTGATE), ("governed", contestants._GOVERNED)):
        report([await measured(name, text)])


if __name__ == "__main__":
    asyncio.run(main())
