"""The limits that hold for one request or for one deployment, as one: admission, correction, headers."""

import struct
from collections.abc import Sequence
from typing import Final

from fastgate._core.accounts import LINE_WORDS, AccountTable
from fastgate._core.bucket import LimitSet
from fastgate.domain.account import KIND_LIMITS, BudgetWord, Limit, LimitRef, Measure
from fastgate.limits.headers import OF_REQUESTS, OF_TOKENS, Header, duration
from fastgate.limits.refusal import RECHECK_NS, Refusal

MOST: Final = 1 << 62
_GAUGE: Final = struct.Struct("=iiq")  # line, word, cap: as _core.holds.HoldTable.enter takes them


class Chain:
    """The limits of several owners, as one. Times are `clock.monotonic_ns()`.

    `gauges` are the caps on what is concurrent, for `HoldTable.enter`; "" if there are none. `cells` are
    the cells of all limits, rates first, as numbers that are the same in each chain with the same limit.
    """

    __slots__ = (
        "_amounts",
        "_caps",
        "_limits",
        "_most_output",
        "_most_tokens",
        "_rates",
        "_shown",
        "cells",
        "gauges",
        "refs",
    )

    def __init__(self, accounts: AccountTable, refs: Sequence[LimitRef]) -> None:
        self.refs = tuple(refs)
        # An owner that was deleted has no line any more, and its key may be cached for a moment longer.
        placed = [ref for ref in refs if accounts.load(ref.line, BudgetWord.KIND) == KIND_LIMITS]
        every = [(ref, limit) for ref in placed for limit in ref.limits]
        rates = [each for each in every if each[1].measure is not Measure.CONCURRENT]
        caps = [each for each in every if each[1].measure is Measure.CONCURRENT]
        self._limits: tuple[tuple[LimitRef, Limit], ...] = (*rates, *caps)
        self._caps = len(rates)  # where they begin in _limits
        self._rates = LimitSet(
            accounts,
            tuple(
                (ref.line, limit.word, int(limit.measure), limit.amount, limit.period_ns, limit.burst)
                for ref, limit in rates
            ),
        )
        bursts = [(limit.measure, limit.burst) for _, limit in rates]
        self._most_output = min(
            (n for measure, n in bursts if measure is Measure.OUTPUT_TOKENS), default=MOST
        )
        self._most_tokens = min((n for measure, n in bursts if measure is Measure.TOKENS), default=MOST)
        of_requests = [i for i, (_, limit) in enumerate(rates) if limit.measure is Measure.REQUESTS]
        of_tokens = [i for i in range(len(rates)) if i not in of_requests]
        self._shown = [
            (names, tuple(indexes))
            for names, indexes in ((OF_REQUESTS, of_requests), (OF_TOKENS, of_tokens))
            if indexes
        ]
        self._amounts = [b"%d" % limit.amount for _, limit in rates]
        self.cells = tuple(ref.line * LINE_WORDS + limit.word for ref, limit in self._limits)
        self.gauges = b"".join(_GAUGE.pack(ref.line, limit.word, limit.amount) for ref, limit in caps)

    def likely_output(self, input_tokens: int, output_tokens: int) -> int:
        """What to take for the output of a request that set no cap: what is taken by default would be refused
        for ever where a limit lets less through at once. The settlement corrects it."""
        most = min(self._most_output, self._most_tokens - input_tokens)
        return output_tokens if output_tokens <= most else max(most, 0)

    def admit(self, requests: int, input_tokens: int, output_tokens: int, now_ns: int) -> Refusal | None:
        """Take from every rate, or from none. None: taken."""
        index = self._rates.take(requests, input_tokens, output_tokens, now_ns)
        if index < 0:
            return None
        needed = self._needed(index, requests, input_tokens, output_tokens)
        return self._refusal(index, needed, self._rates.wait_ns)

    def give_back(self, requests: int, input_tokens: int, output_tokens: int) -> None:
        """What `admit` took, of a request that was not sent."""
        self._rates.give_back(requests, input_tokens, output_tokens)

    def correct(self, input_delta: int, output_delta: int, now_ns: int) -> None:
        """At the settlement: by how much the true tokens exceed the estimate; negative where it was high."""
        if input_delta or output_delta:
            self._rates.correct(input_delta, output_delta, now_ns)

    def full(self, gauge: int) -> Refusal:
        """The refusal of the cap that `HoldTable.enter` named."""
        return self._refusal(self._caps + gauge, 1, RECHECK_NS)

    def behind(self, cell: int, wait_ns: int) -> Refusal:
        """The refusal of a request that others wait in front of, for one of `cells`."""
        return self._refusal(self.cells.index(cell), 1, wait_ns)

    def _refusal(self, index: int, needed: int, wait_ns: int) -> Refusal:
        ref, limit = self._limits[index]
        return Refusal(index, ref, limit, needed, wait_ns)

    def headers(self, now_ns: int) -> list[Header]:
        """`x-ratelimit-*` of the tightest limit of requests and the tightest of tokens."""
        found: list[Header] = []
        for names, indexes in self._shown:
            index, remaining, reset_ns = self._rates.tightest(indexes, now_ns)
            found += (
                (names.limit, self._amounts[index]),
                (names.remaining, str(remaining).encode()),
                (names.reset, duration(reset_ns)),
            )
        return found

    def _needed(self, index: int, requests: int, input_tokens: int, output_tokens: int) -> int:
        """Of the limit at `index`."""
        match self._limits[index][1].measure:
            case Measure.REQUESTS:
                return requests
            case Measure.INPUT_TOKENS:
                return input_tokens
            case Measure.OUTPUT_TOKENS:
                return output_tokens
            case Measure.TOKENS:
                return input_tokens + output_tokens
            case Measure.CONCURRENT:
                return 1
