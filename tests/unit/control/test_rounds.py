"""What is done for money again and again."""

import asyncio
from typing import Any

import pytest
from tests.support.upstream_calls import until

from fastgate import tasks
from fastgate.control import rounds
from fastgate.control.books import Books
from fastgate.control.rounds import Rounds


class _Broken(Books):
    """Each of its rounds fails."""

    def __init__(self) -> None:
        self.drain_interval_s = 0.001
        self.keeper = None
        self.tries = dict.fromkeys(("drain", "tick", "retire"), 0)

    def _fail(self, name: str) -> None:
        self.tries[name] += 1
        raise ValueError(name)

    def drain(self) -> int:
        self._fail("drain")
        return 0

    def tick(self, now_ns: int) -> None:
        self._fail("tick")

    def retire(self) -> None:
        self._fail("retire")


async def test_a_round_that_fails_is_not_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "_ROUND_S", 0.001)
    monkeypatch.setattr(rounds, "_RETIRE_S", 0.001)
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
    books = _Broken()
    made = Rounds(books)
    running = [tasks.spawn(work(), "round") for work in (made.drain, made.check, made.retire)]
    await until(lambda: min(books.tries.values()) >= 2)
    for task in running:
        task.cancel()
    await asyncio.wait(running)
    made._thread.shutdown()
    assert {str(each["exception"]) for each in told} == {"drain", "tick", "retire"}
