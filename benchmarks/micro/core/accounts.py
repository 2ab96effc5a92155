"""Lines of the accounts file; `rows` and `mapfile`, which Python cannot reach, through them."""

import functools
import itertools
import tempfile
from collections.abc import Iterator

from benchmarks.micro.timing import Case
from tests.reference import accounts as reference

from fastgate._core.accounts import AccountTable

LINES = 1024


def cases() -> Iterator[Case]:
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/accounts"
        tables = (AccountTable(path, True, LINES), reference.AccountTable(LINES))

        def compared(method: str, *arguments: int) -> Case:
            calls = [functools.partial(getattr(table, method), LINES - 1, *arguments) for table in tables]
            return Case(f"accounts.{method}", calls[0], calls[1])

        yield compared("load", 0)
        yield compared("add", 0, 1)
        yield compared("compare_exchange", 1, 0, 0)

        grown = itertools.count(LINES + 1)

        def found_by_another() -> None:
            """A line that this table does not know of yet: it was appended through another mapping."""
            line = next(grown)
            tables[0].grow(line)
            other.load(line - 1, 0)

        other = AccountTable(path, False)
        yield Case("rows: append a row, and find it in another mapping", found_by_another)
        yield Case("mapfile: open and close", lambda: AccountTable(path, False).close())
        created = f"{directory}/created"
        yield Case("mapfile: create 1,024 rows and close", lambda: AccountTable(created, True, LINES).close())
