"""The control process's books over real files, and lives of workers that end as a test says."""

import itertools
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from tests.support.ledger_entries import ledger_entry

from fastgate import clock
from fastgate._core.accounts import AccountTable
from fastgate._core.holds import HoldTable
from fastgate._core.journal import JournalWriter
from fastgate.budgets.periods import Period, calendar
from fastgate.budgets.placement import refresh
from fastgate.budgets.spec import AccountSpec, Terms
from fastgate.budgets.state import BudgetState
from fastgate.control.balances import Balance
from fastgate.control.bookkeeper import Bookkeeper
from fastgate.control.lost import entry_id
from fastgate.domain.account import KIND_BUDGET, KIND_LIMITS, Level, Owner
from fastgate.domain.entry import Closing, Entry, decode_opening, encode_closing, join
from fastgate.domain.price import Price, Rate, identified
from fastgate.ledger.journal_dir import JournalDir
from fastgate.observability.metrics import Metrics, fresh_directory
from fastgate.store import accounts as accounts_file
from fastgate.store.accounts import Account, Places, account_id
from fastgate.store.data_dir import DataDir
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.prices import put_prices
from fastgate.store.ledger.read import entries

YEARLY = calendar("yearly", "UTC")
PRICE = identified(
    Price("", "openai", "gpt-4o", "test", (Rate("input_tokens", 1_000_000), Rate("output_tokens", 2_000_000)))
)
"""A thousand nano-USD for a token of input, two for one of output."""

KEY = Owner(Level.VIRTUAL_KEY, "vk_acme")
TEAM = Owner(Level.TEAM, "search")
GATEWAY = Owner(Level.GATEWAY, "")


class Life:
    """Of a worker: what it writes is what a worker writes, and it dies where the test says."""

    def __init__(self, journals: JournalDir, accounts: AccountTable) -> None:
        self._directory = journals.create()
        self.name = self._directory.writer
        self.holds = HoldTable(str(self._directory.holds), accounts, True)
        self.journal = JournalWriter(str(self._directory.path), 1 << 20)
        self.journal.prepare()

    def hold(self, lines: Iterable[int], amount: int = 100, **opening: Any) -> int:
        """A reservation of a call that is not sent yet."""
        slot = self.holds.claim()
        packed = b"".join(struct.pack("=i", line) for line in lines)
        given = {"hold_price": PRICE.id, "held": amount, **opening}
        kept = msgspec.msgpack.encode(ledger_entry(0, **given).opening)
        assert self.holds.reserve(slot, packed, amount, clock.time_ns(), kept) == -1
        return slot

    def send(self, slot: int) -> int:
        self.holds.sent(slot)
        return slot

    def journal_entry(self, slot: int, cost: int, **changes: Any) -> Entry:
        """As the first half of the settlement: the counters are not changed yet."""
        opening = decode_opening(self.holds.read(slot).opening)
        closing = self._closing(slot, cost, **changes)
        self.holds.settling(slot)
        self.journal.append(join(msgspec.msgpack.encode(opening), encode_closing(closing)))
        return Entry(opening, closing)

    def settle(self, slot: int, cost: int, **changes: Any) -> Entry:
        entry = self.journal_entry(slot, cost, **changes)
        self.holds.settle(slot, cost)
        self.holds.free(slot)
        return entry

    def call(self, lines: Iterable[int], cost: int, **opening: Any) -> Entry:
        """From the hold to the entry."""
        return self.settle(self.send(self.hold(lines, **opening)), cost)

    def _closing(self, slot: int, cost: int, **changes: Any) -> Closing:
        admitted_ns = self.holds.admitted_ns(slot)
        given = {
            "id": entry_id(self.name, self.holds.serial(slot)),
            "admitted_ns": admitted_ns,
            "settled_ns": admitted_ns + 1,
            "charged": self.holds.charged(slot),
        }
        return ledger_entry(0, **{**given, "cost": cost, **changes}).closing

    def die(self) -> None:
        """As by SIGKILL: nothing is written any more, and the kernel takes the lock away."""
        self.journal.close()
        self.holds.close()
        self._directory.close()

    def end(self) -> None:
        """In order."""
        self.journal.seal()
        self.die()


class BooksRig:
    """A bookkeeper with budgets that a test places. Lives made here are alive to it until they end."""

    def __init__(self, directory: Path) -> None:
        self.data_dir = DataDir(directory / "data")
        self.data_dir.create()
        self.accounts = accounts_file.create(self.data_dir)
        self.journals = JournalDir(self.data_dir.journal)
        self.metrics = Metrics(fresh_directory(self.data_dir.path), "control", 1_000)
        self._places = Places(self.accounts)
        self._wanted: dict[str, Account] = {}
        self._balances: dict[int, Balance] = {}
        self._lives: list[Life] = []
        self._numbers = itertools.count()
        self.prices = {PRICE.id: PRICE}
        self.keeper = self._open(rebuilding=False)
        put_prices(self.keeper.database, [PRICE])

    def _open(self, *, rebuilding: bool) -> Bookkeeper:
        database = LedgerDatabase.open(None, self.data_dir.path)
        return Bookkeeper(
            database, self.journals, self.accounts, self.metrics, self.prices.get, rebuilding=rebuilding
        )

    def restart(self, *, rebuilding: bool = False) -> None:
        """The control process dies and comes back; what it had in memory is gone."""
        for writer in self.keeper._writers.values():
            if writer.claimed is not None:
                writer.claimed.close()  # the kernel does it
        self.keeper.close()
        self.keeper = self._open(rebuilding=rebuilding)
        for balance in self._balances.values():
            balance.spent = sum(
                entry.closing.cost for entry in self.ledger() if balance.account in entry.closing.charged
            )
        self.keeper.balances.install(self._balances.values())

    def life(self) -> Life:
        life = Life(self.journals, self.accounts)
        self._lives.append(life)
        return life

    def place(
        self,
        owner: Owner = KEY,
        limit: int = 1_000_000_000,
        *,
        soft: tuple[int, ...] = (),
        period: Period = YEARLY,
    ) -> int:
        """A budget in a line of its own."""
        terms = Terms(period, "yearly", limit, soft=soft)
        spec = AccountSpec(f"budget/{owner.level}/{owner.name}", owner, terms)
        line = self._line(spec.name, KIND_BUDGET)
        now_ns = clock.time_ns()
        refresh(self.accounts, line, terms, now_ns)
        balance = Balance(line, account_id(spec.name), owner, period, now_ns)
        balance.limit, balance.soft, balance.word = limit, soft, "yearly"
        self._balances[line] = balance
        self.keeper.balances.install(self._balances.values())
        return line

    def place_limits(self) -> int:
        """A line for counts of what is concurrent."""
        return self._line(f"limits/{next(self._numbers)}", KIND_LIMITS)

    def _line(self, name: str, kind: int) -> int:
        self._wanted[name] = Account(name, kind)
        return self._places.place(self._wanted.values(), 0)[name]

    def balance(self, line: int) -> Balance:
        return self._balances[line]

    def counted(self, line: int) -> tuple[int, int]:
        """What the counters say: spent and reserved."""
        state = BudgetState.read(self.accounts, line, clock.time_ns())
        return state.spent, state.reserved

    def ledger(self) -> list[Entry]:
        """In order of admission."""
        return [found.entry for found in entries(self.keeper.database, 0, 1 << 62)]

    def close(self) -> None:
        for life in self._lives:
            life.die()
        self.keeper.close()
        self.accounts.close()
