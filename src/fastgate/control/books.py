"""Composition of what keeps the money: the ledger, the accounts that workers count in, and the prices."""

import heapq
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import msgspec

from fastgate import clock
from fastgate.budgets import spec as budgets
from fastgate.budgets.placement import recount, refresh
from fastgate.control.balances import Balance
from fastgate.control.bookkeeper import Bookkeeper
from fastgate.control.compiled import Compiled, LedgerPlan
from fastgate.control.usage_report import UsageReport, usage_report
from fastgate.domain.account import KIND_BUDGET, KIND_LIMITS, NO_ACCOUNTS, Accounts, BudgetWord, Level, Owner
from fastgate.domain.price import Price, PriceBook
from fastgate.domain.snapshot import ModelAccounts, Snapshot, TagAccounts
from fastgate.domain.virtual_key import VirtualKey
from fastgate.errors import ConfigError
from fastgate.ledger.journal_dir import JournalDir
from fastgate.limits import spec as limits
from fastgate.observability import log
from fastgate.observability.metrics import Metrics
from fastgate.store import accounts as accounts_file
from fastgate.store import fullest
from fastgate.store.accounts import Account, Places, account_id
from fastgate.store.data_dir import DataDir
from fastgate.store.ledger.archive_file import ArchiveFormat
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.errors import LedgerError, LedgerOutdated, LedgerUnavailable
from fastgate.store.ledger.migrate import Place, upgrade_in_child
from fastgate.store.ledger.prices import all_prices, put_prices
from fastgate.store.ledger.read import Archive
from fastgate.store.ledger.retention import archive
from fastgate.store.ledger.rollup import DAY_NS
from fastgate.store.ledger.spend import spent_by, spent_by_tags

# A request that began under an earlier configuration may still be about to try its next candidate.
_QUARANTINE_NS: Final = 3_600 * 1_000_000_000
# Once, since looking one up in the enumeration takes as long as a call, and there may be 100,000 owners.
_VIRTUAL_KEY: Final = Level.VIRTUAL_KEY
_TAG: Final = Level.TAG
_MODEL: Final = Level.MODEL
_OPS: Final = int(BudgetWord.OPS)
_BY_NAME: Final = frozenset({Level.GATEWAY, Level.CUSTOMER, Level.TEAM, Level.PROVIDER, Level.DEPLOYMENT})


class Books:
    """Opened with the first configuration. `changed`: the last one had other budgets or limits than the one
    before. `publish` and `tidy` are the publisher's, the rest `Rounds`'."""

    def __init__(self, data_dir: DataDir, metrics: Metrics, *, fresh: bool) -> None:
        """`fresh`: the gateway has just started, so no worker has counted anything yet. OSError."""
        self._data_dir = data_dir
        self._metrics = metrics
        self._journals = JournalDir(data_dir.journal)
        if fresh:
            self._journals.remove_leftovers()
        self._accounts = accounts_file.create(data_dir) if fresh else accounts_file.attach(data_dir)
        self._places = Places(self._accounts)
        self._fresh = fresh
        self._prices: dict[str, Price] = {}
        self._specs: dict[int, budgets.AccountSpec] = {}
        self._due: list[tuple[int, int]] = []
        self.keeper: Bookkeeper | None = None
        self._watched = 0
        self._standing: int | None = None
        self.changed = False
        self._ledger: LedgerPlan | None = None
        self.drain_interval_s = 0.25

    def publish(self, compiled: Compiled, generation: int) -> tuple[Snapshot, tuple[VirtualKey, ...]]:
        """Snapshot and keys with the accounts that calls count in, placed and filled: workers may use them at
        once.

        ConfigError: the ledger cannot be opened, or two accounts have one id. OSError: no room.
        """
        self._ledger, self._watched = compiled.ledger, compiled.watched
        self.drain_interval_s = compiled.ledger.drain_interval_ms / 1_000
        try:
            keeper = self._opened(compiled.ledger.url)
            with keeper.lock:
                keeper.drain_all()
                self._keep_prices(compiled.snapshot.prices, keeper.database)
                accounts = self._placed(compiled, keeper)
        except (LedgerError, ValueError) as error:
            raise ConfigError(f"ledger: {error}") from error
        standing = hash((compiled.budgets, compiled.limits))
        self.changed = self._standing is not None and self._standing != standing
        self._standing = standing
        snapshot = msgspec.structs.replace(
            compiled.snapshot,
            generation=generation,
            owners={
                f"{owner.level}/{owner.name}": found
                for owner, found in accounts.items()
                if owner.level in _BY_NAME
            },
            tag_accounts=tuple(
                TagAccounts(_tags(owner.name), found)
                for owner, found in accounts.items()
                if owner.level is _TAG
            ),
            model_accounts=tuple(
                ModelAccounts(owner.name, found) for owner, found in accounts.items() if owner.level is _MODEL
            ),
        )
        return snapshot, tuple(_with_accounts(compiled.keys.keys, accounts))

    def open_ahead(self, url: str | None) -> None:
        """Open the ledger before the first `publish`, which says what is wrong where it cannot be opened."""
        with suppress(LedgerError, ValueError):
            self._opened(url)

    def _opened(self, url: str | None) -> Bookkeeper:
        if self.keeper is None:
            database = self._database(url)
            self._prices = all_prices(database)
            self.keeper = Bookkeeper(
                database,
                self._journals,
                self._accounts,
                self._metrics,
                self._prices.get,
                rebuilding=self._fresh,
            )
        return self.keeper

    def _database(self, url: str | None) -> LedgerDatabase:
        directory = self._data_dir.path
        try:
            return LedgerDatabase.open(url, directory, upgrade=False)
        except LedgerOutdated:
            upgrade_in_child(Place(url, str(directory)))
            return LedgerDatabase.open(url, directory, upgrade=False)

    def _keep_prices(self, book: PriceBook, database: LedgerDatabase) -> None:
        """Entries name the price they were charged by, and it has to be there when they are."""
        new = {
            price.id: price
            for prices in book.lists.values()
            for price in prices
            if price.id not in self._prices
        }
        if new:
            put_prices(database, new.values())
            self._prices.update(new)

    def _placed(self, compiled: Compiled, keeper: Bookkeeper) -> dict[Owner, Accounts]:
        wanted = [Account(spec.name, KIND_BUDGET) for spec in compiled.budgets]
        wanted += [Account(spec.name, KIND_LIMITS) for spec in compiled.limits]
        lines = self._places.place(wanted, clock.monotonic_ns())
        self._fill(compiled.budgets, lines, keeper)
        accounts = budgets.accounts_of(compiled.budgets, lines)
        for owner, found in limits.accounts_of(compiled.limits, lines).items():
            accounts[owner] = accounts.get(owner, NO_ACCOUNTS) + found
        return accounts

    def _fill(self, specs: Iterable[budgets.AccountSpec], lines: dict[str, int], keeper: Bookkeeper) -> None:
        """The balance of a budget that goes on stays; a new one starts with what the ledger has for it."""
        now_ns = clock.time_ns()
        spent = _Spent(keeper.database)
        known, balances = keeper.balances.by_line, []
        self._specs, self._due = {}, []
        for spec in specs:
            line = lines[spec.name]
            self._specs[line] = spec
            new = self._accounts.load(line, _OPS) == 0
            self._due.append((refresh(self._accounts, line, spec.terms, now_ns), line))
            balance = known.get(line)
            if balance is None or balance.account != account_id(spec.name):
                balance = Balance(line, account_id(spec.name), spec.owner, spec.terms.period, now_ns)
                balance.spent = spent.of(balance)
                # After a restart of this process alone, workers have gone on counting.
                if new or self._standing is not None:
                    recount(self._accounts, line, balance.spent)
                if not new:  # calls that began before it was given up may end just now
                    keeper.suspect(line)
            terms = spec.terms
            balance.limit, balance.soft, balance.word = terms.limit_nano, terms.soft, terms.word
            balances.append(balance)
        heapq.heapify(self._due)
        keeper.balances.install(balances)
        keeper.rebuilding = False

    def drain(self) -> int:
        """How many entries the ledger got."""
        return 0 if self.keeper is None else self.keeper.drain()

    def usage(self, key: str) -> UsageReport:
        """Of a virtual key, by its id. LedgerError: the database is away."""
        keeper = self.keeper
        if keeper is None:
            raise LedgerUnavailable("the ledger is not open yet")
        return usage_report(keeper.database, key, clock.time_ns())

    def retire(self) -> None:
        """Move entries that are older than the retention says out of the database."""
        keeper, settings = self.keeper, self._ledger
        if keeper is None or settings is None:
            return
        before_ns = clock.time_ns() - settings.retention_days * DAY_NS
        directory, form = None, ArchiveFormat.PARQUET
        if settings.archive_directory is not None:
            directory, form = Path(settings.archive_directory), ArchiveFormat(settings.archive_format)
        try:
            while (moved := self._archive(keeper, before_ns, directory, form)) is not None:
                log.event("info", "old ledger entries archived", file=moved.file, last_entry=moved.last_entry)
        except LedgerError as error:
            log.event("error", "old ledger entries cannot be archived, and stay", error=str(error))

    @staticmethod
    def _archive(
        keeper: Bookkeeper, before_ns: int, directory: Path | None, form: ArchiveFormat
    ) -> Archive | None:
        with keeper.lock:
            return archive(keeper.database, before_ns, directory, form)

    def tidy(self) -> None:
        """Free the lines that no worker and no hold uses any more."""
        keeper = self.keeper
        if keeper is not None and self._places.unwanted():
            with keeper.lock:
                self._places.reclaim(clock.monotonic_ns() - _QUARANTINE_NS, keeper.held_lines())

    def tick(self, now_ns: int) -> None:
        """Write the boundaries of periods that are to come, where one has just begun."""
        keeper = self.keeper
        if keeper is None:
            return
        with keeper.lock:
            while self._due and self._due[0][0] <= now_ns:
                _, line = heapq.heappop(self._due)
                due_ns = refresh(self._accounts, line, self._specs[line].terms, now_ns)
                heapq.heappush(self._due, (due_ns, line))

    def write_fullest(self) -> None:
        """Say which budgets have a gauge each: those with the largest share spent."""
        keeper = self.keeper
        if keeper is None:
            return
        with keeper.lock:
            chosen = keeper.balances.fullest(self._watched)
        try:
            fullest.write(self._data_dir.fullest, chosen)
        except OSError as error:
            log.event("error", "the budgets with a gauge cannot be chosen anew", error=str(error))

    def close(self) -> None:
        if self.keeper is not None:
            self.keeper.close()
        self._accounts.close()


class _Spent:
    """Sums of the ledger, asked once for all budgets of a level that have the same period."""

    def __init__(self, database: LedgerDatabase) -> None:
        self._database = database
        self._sums: dict[tuple[Level, int, int], dict[str, int]] = {}

    def of(self, balance: Balance) -> int:
        """Nano-USD in the balance's period."""
        level, name = balance.owner.level, balance.owner.name
        if level is _TAG:
            return spent_by_tags(self._database, _tags(name), balance.start_ns, balance.end_ns)
        sums = self._of_level(level, balance.start_ns, balance.end_ns)
        if level is _MODEL:
            return sum(cost for model, cost in sums.items() if fnmatchcase(model.lower(), name.lower()))
        return sums.get(name, 0)

    def _of_level(self, level: Level, start_ns: int, end_ns: int) -> dict[str, int]:
        key = (level, start_ns, end_ns)
        if key not in self._sums:
            self._sums[key] = spent_by(self._database, level, start_ns, end_ns)
        return self._sums[key]


def _tags(name: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in name.split(","))


def _with_accounts(keys: Iterable[VirtualKey], accounts: dict[Owner, Accounts]) -> Iterator[VirtualKey]:
    for key in keys:
        found = accounts.get(Owner(_VIRTUAL_KEY, key.id))
        yield key if found is None else msgspec.structs.replace(key, accounts=found)
