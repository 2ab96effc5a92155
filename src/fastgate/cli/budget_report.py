"""What `fastgate budgets` tells and `fastgate audit` compares: budgets as the accounts file has them."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from fastgate._core.accounts import AccountTable
from fastgate.budgets.state import BudgetState, unpack
from fastgate.cli.errors import CommandError
from fastgate.cli.output import moment
from fastgate.domain.account import BudgetRef, BudgetWord
from fastgate.domain.money import usd
from fastgate.ledger.audit_counters import Counter
from fastgate.store import accounts, snapshot
from fastgate.store.data_dir import DataDir
from fastgate.store.keys import KeyStore, keys_path

_NS: Final = 1_000_000_000
_UNSIGNED: Final = (1 << 64) - 1


class BudgetReport(msgspec.Struct, frozen=True):
    """USD as text. `projected_usd` is what the period will have cost at its end, if spending goes on as it
    did so far; None where that cannot be said. `passed` are the soft limits that spending has passed."""

    owner: str
    period: str
    limit_usd: str
    spent_usd: str
    reserved_usd: str
    left_usd: str
    resets_at: str | None
    projected_usd: str | None
    passed: list[str]
    strict: bool


class Line(NamedTuple):
    """One look at a budget's line. `start_ns` and `end_ns` are of the period that it is in."""

    state: BudgetState
    start_ns: int
    end_ns: int


def attach(data_dir: Path) -> AccountTable:
    """CommandError where no gateway has ever run."""
    try:
        return accounts.attach(DataDir(data_dir))
    except FileNotFoundError:
        raise CommandError(
            f"there are no budgets in {data_dir}: the gateway places them when it runs"
        ) from None


def refs(data_dir: Path) -> Iterator[BudgetRef]:
    """All budgets of the configuration that the gateway has loaded last. CommandError where there is none."""
    try:
        compiled = snapshot.read(DataDir(data_dir).snapshot)
    except FileNotFoundError:
        raise CommandError(f"there is no configuration in {data_dir}: the gateway has not run yet") from None
    except ValueError as error:
        raise CommandError(str(error)) from error
    for owned in compiled.owners.values():
        yield from owned.budgets
    for tagged in compiled.tag_accounts:
        yield from tagged.accounts.budgets
    for model in compiled.model_accounts:
        yield from model.accounts.budgets
    with KeyStore(keys_path(data_dir), readonly=True) as store:
        for key in store.all_keys():
            yield from key.accounts.budgets


def report(table: AccountTable, ref: BudgetRef, now_ns: int) -> BudgetReport:
    line = read(table, ref.line, now_ns)
    state = line.state
    return BudgetReport(
        owner=str(ref.owner),
        period=ref.period,
        limit_usd=usd(state.limit),
        spent_usd=usd(state.spent),
        reserved_usd=usd(state.reserved),
        left_usd=usd(state.left),
        resets_at=moment(line.end_ns // _NS) if line.end_ns else None,
        projected_usd=_projected(line, now_ns),
        passed=[f"{soft / 10:g}%" for soft in ref.soft if state.spent * 1_000 >= state.limit * soft],
        strict=ref.strict,
    )


def counters(table: AccountTable, refs: Iterable[BudgetRef], now_ns: int) -> Iterator[Counter]:
    """What each budget's line says it has spent in the period that it is in."""
    for ref in refs:
        line = read(table, ref.line, now_ns)
        account = table.load(ref.line, BudgetWord.ID) & _UNSIGNED
        yield Counter(account, ref.owner, ref.period, line.start_ns, line.end_ns, line.state.spent)


def read(table: AccountTable, line: int, now_ns: int) -> Line:
    """As it is at `now_ns`, also when nobody has spent in the new period yet."""
    state = BudgetState.read(table, line, now_ns)
    tag, _ = unpack(table.load(line, BudgetWord.COMMITTED))
    end_ns = table.load(line, BudgetWord.BOUNDARY + (tag & 3))
    if end_ns and now_ns >= end_ns:
        return Line(state, end_ns, state.resets_ns)
    return Line(state, table.load(line, BudgetWord.BOUNDARY + ((tag - 1) & 3)), end_ns)


def _projected(line: Line, now_ns: int) -> str | None:
    elapsed = now_ns - line.start_ns
    if not line.start_ns or not line.end_ns or elapsed <= 0:
        return None
    return usd(line.state.spent * (line.end_ns - line.start_ns) // elapsed)
