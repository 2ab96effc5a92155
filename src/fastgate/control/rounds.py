"""What the control process does for money again and again: drain, compare, roll over, archive."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from fastgate import clock
from fastgate.control.bookkeeper import BATCH
from fastgate.control.books import Books

CHECKED: Final = 500
"""Budgets that are compared with the ledger in one round."""
_ROUND_S: Final = 1.0
_FULLEST_EVERY: Final = 10
_RETIRE_S: Final = 3_600.0

T = TypeVar("T")


class Rounds:
    """One thread does it all, so that the event loop stays free and the ledger has one writer."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._turn = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="books")

    async def drain(self) -> None:
        """Bring journals into the ledger, for ever."""
        while True:
            await asyncio.sleep(self._books.drain_interval_s)
            while (await self._run(self._books.drain) or 0) >= BATCH:
                pass

    async def check(self) -> None:
        """Write the boundaries of new periods, and compare counters, for ever."""
        while True:
            await asyncio.sleep(_ROUND_S)
            await self._run(self._round)

    async def retire(self) -> None:
        """Archive what is old enough, for ever."""
        while True:
            await self._run(self._books.retire)
            await asyncio.sleep(_RETIRE_S)

    async def _run(self, work: Callable[[], T]) -> T | None:
        """In the thread. What it raises goes to the loop's handler, and the rounds go on: with them would end
        that calls are billed and that periods begin."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, work)
        except Exception as error:
            loop.call_exception_handler({"message": "a round of the books failed", "exception": error})
            return None

    def _round(self) -> None:
        self._books.tick(clock.time_ns())
        self._turn += 1
        if self._turn % _FULLEST_EVERY == 1:
            self._books.write_fullest()
        if self._books.keeper is not None:
            self._books.keeper.check(CHECKED)

    def close(self) -> None:
        """Wait for what runs, then drain once more: the workers have ended."""
        self._thread.submit(self._books.drain).result()
        self._thread.shutdown()
        self._books.close()
