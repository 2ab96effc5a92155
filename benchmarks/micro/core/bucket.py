"""Rate limits."""

import functools
import tempfile
from collections.abc import Iterator

from benchmarks.micro.timing import Case
from tests.core import lines
from tests.reference import bucket as reference

from fastgate._core.accounts import AccountTable
from fastgate._core.bucket import LimitSet

MINUTE_NS = 60 * 10**9
NOW_NS = 10**15
# Requests and tokens per minute at two levels, and tokens per day, that refuse nothing here.
LIMITS = (
    (0, 10**15, MINUTE_NS, 10**15),
    (3, 10**15 - 1, MINUTE_NS, 10**15),
    (0, 10**15, MINUTE_NS, 10**15),
    (3, 10**15 - 1, MINUTE_NS, 10**15),
    (3, 10**15, 1_440 * MINUTE_NS, 10**15),
)
SMALL = (0, 1, MINUTE_NS, 1)


def take_and_give_back(limiter: LimitSet | reference.LimitSet) -> None:
    limiter.take(1, 1_000, 500, NOW_NS)
    limiter.give_back(1, 1_000, 500)


def cases() -> Iterator[Case]:
    with tempfile.TemporaryDirectory() as directory:
        accounts = AccountTable(f"{directory}/accounts", True, 5)
        for line in range(5):
            lines.place_limits(accounts, line, 1 + line)
        core = LimitSet(accounts, tuple((line, 2, *limit) for line, limit in enumerate(LIMITS)))
        oracle = reference.LimitSet(LIMITS)
        full = LimitSet(accounts, ((0, 3, *SMALL),))
        full_oracle = reference.LimitSet([SMALL])
        for limiter in (full, full_oracle):
            limiter.take(1, 0, 0, NOW_NS)
        yield Case(
            "bucket.take and give_back, five limits",
            functools.partial(take_and_give_back, core),
            functools.partial(take_and_give_back, oracle),
        )
        yield Case(
            "bucket.take, refused",
            functools.partial(full.take, 1, 0, 0, NOW_NS),
            functools.partial(full_oracle.take, 1, 0, 0, NOW_NS),
        )
        yield Case(
            "bucket.correct, five limits",
            functools.partial(core.correct, 10, 10, NOW_NS),
            functools.partial(oracle.correct, 10, 10, NOW_NS),
        )
        yield Case(
            "bucket.remaining",
            functools.partial(core.remaining, 1, NOW_NS),
            functools.partial(oracle.remaining, 1, NOW_NS),
        )
        yield Case("bucket.tightest of five", functools.partial(core.tightest, (0, 1, 2, 3, 4), NOW_NS))
