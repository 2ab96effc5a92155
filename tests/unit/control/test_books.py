"""The books from one configuration to the next, over restarts of the control process and of the gateway."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.books import Life
from tests.support.gateway_process import SECRET, gateway_config, provider_config
from tests.support.worker_process import Published

from fastgate import clock
from fastgate.budgets.state import BudgetState, unpack
from fastgate.control.rounds import Rounds
from fastgate.domain.account import Accounts, BudgetRef, BudgetWord, Level, Measure, Owner
from fastgate.domain.entry import Entry, Outcome
from fastgate.ledger.journal_dir import JournalDir
from fastgate.observability import catalogue
from fastgate.observability.totals import Totals
from fastgate.store import accounts as accounts_file
from fastgate.store import fullest
from fastgate.store.ledger.errors import LedgerUnavailable
from fastgate.store.ledger.prices import all_prices
from fastgate.store.ledger.read import entries

YEAR = {"max_per_year_usd": "1"}
USD = 10**9
CALL: dict[str, Any] = {
    "virtual_key": "vk_test",
    "teams": ("inner",),
    "customer": "acme",
    "provider": "local",
    "public_model": "gpt-4o",
    "tags": {"env": "prod"},
    "hold_price": "",
}


def config(**more: Any) -> dict[str, Any]:
    provider = provider_config("http://127.0.0.1:1/v1", "gpt-4o", **more.pop("provider", {}))
    key = {"id": "vk_test", "secret": SECRET, **more.pop("key", {})}
    return gateway_config({"local": provider}, **{"virtual_keys": [key], **more})


EVERY: dict[str, Any] = {
    "key": {"team_id": "inner", "tags": {"env": "prod"}, "budget": YEAR, "rate_limit": {"tokens_per_day": 9}},
    "customers": [{"id": "acme", "budget": YEAR}],
    "teams": [{"id": "inner", "customer_id": "acme", "budget": YEAR, "rate_limit": {"tokens_per_day": 9}}],
    "tag_budgets": [{"tags": {"env": "prod"}, "budget": YEAR}],
    "model_budgets": [{"model": "GPT*", "budget": YEAR}],
    "gateway": {"budget": YEAR},
    "provider": {"budget": YEAR, "limits": {"concurrent_requests": 5}},
}


class Gateway:
    """Books and publisher over one data directory, through restarts; workers die as soon as they are read."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lives: list[Life] = []
        self.published: Published | None = None

    def publish(self, **settings: Any) -> int:
        """The generation."""
        if self.published is None:
            self.published = Published(self._directory, config(**settings))
        else:
            self.published.write_config(config(**settings))
        result = self.published.publisher.publish()
        assert result.ok, result
        return result.generation

    @property
    def now(self) -> Published:
        assert self.published is not None
        return self.published

    def restart_control(self) -> None:
        self.now.restart(fresh=False)

    def restart(self) -> None:
        """The whole gateway."""
        self.now.restart(fresh=True)

    def life(self, *, living: bool = False) -> Life:
        """Of a worker that has died by the time that the books look at its journal, or that lives on."""
        # Locks are a process's: what another JournalDir of this one holds is free to the books.
        journals = self.now.books._journals if living else JournalDir(self.now.data_dir.journal)
        life = Life(journals, accounts_file.attach(self.now.data_dir))
        self._lives.append(life)
        return life

    def call(self, cost: int, lines: tuple[int, ...] | None = None, **changes: Any) -> None:
        """By a worker of its own, which dies then."""
        life = self.life()
        chosen = [ref.line for ref in self.budgets()] if lines is None else lines
        life.call(chosen, cost, **{**CALL, **changes})
        life.die()
        self.now.books.drain()

    def accounts(self) -> list[Accounts]:
        snapshot = self.now.publisher.current()
        tags = [each.accounts for each in snapshot.tag_accounts]
        models = [each.accounts for each in snapshot.model_accounts]
        keys = [key.accounts for key in self.now.store.all_keys()]
        return [*keys, *snapshot.owners.values(), *tags, *models]

    def budgets(self) -> list[BudgetRef]:
        return [budget for each in self.accounts() for budget in each.budgets]

    def counted(self) -> dict[str, tuple[int, int]]:
        """Spent and reserved of each budget."""
        table = accounts_file.attach(self.now.data_dir)
        now_ns = clock.time_ns()
        states = {
            f"{ref.owner} {ref.period}": BudgetState.read(table, ref.line, now_ns) for ref in self.budgets()
        }
        table.close()
        return {name: (state.spent, state.reserved) for name, state in states.items()}

    def ledger(self) -> list[Entry]:
        keeper = self.now.books.keeper
        assert keeper is not None
        return [found.entry for found in entries(keeper.database, 0, 1 << 62)]

    def close(self) -> None:
        for life in self._lives:
            life.die()
        if self.published is not None:
            self.published.close()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path)
    yield gateway
    gateway.close()


# --- what is published --------------------------------------------------------------------------------


def test_each_level_has_its_accounts(gateway: Gateway) -> None:
    gateway.publish(**EVERY)
    snapshot = gateway.now.publisher.current()
    assert set(snapshot.owners) == {"customer/acme", "team/inner", "gateway/", "provider/local"}
    assert [each.tags for each in snapshot.tag_accounts] == [{"env": "prod"}]
    assert [each.model for each in snapshot.model_accounts] == ["GPT*"]
    team = snapshot.owners["team/inner"]
    assert (len(team.budgets), len(team.limits)) == (1, 1)
    (limit,) = snapshot.owners["provider/local"].limits[0].limits
    assert (limit.measure, limit.amount) == (Measure.CONCURRENT, 5)
    (key,) = gateway.now.store.all_keys()
    assert key.accounts.budgets[0].owner == Owner(Level.VIRTUAL_KEY, "vk_test")
    lines = [ref.line for ref in gateway.budgets()]
    lines += [ref.line for each in gateway.accounts() for ref in each.limits]
    assert len(set(lines)) == len(lines) == 10


def test_lines_are_ready_before_a_worker_hears_of_them(gateway: Gateway) -> None:
    gateway.publish(**EVERY)
    table = accounts_file.attach(gateway.now.data_dir)
    for ref in gateway.budgets():
        assert table.load(ref.line, BudgetWord.LIMIT) == USD
        end_ns = BudgetState.read(table, ref.line, clock.time_ns()).resets_ns
        assert end_ns > clock.time_ns()
    table.close()


def test_prices_are_in_the_ledger_before_an_entry_can_name_them(gateway: Gateway) -> None:
    price = {"provider": "local", "model": "*", "input_per_mtok_usd": "1", "output_per_mtok_usd": "2"}
    gateway.publish(prices=[price])
    book = gateway.now.publisher.current().prices
    used = {each.id for prices in book.lists.values() for each in prices}
    keeper = gateway.now.books.keeper
    assert keeper is not None
    assert used <= all_prices(keeper.database).keys()
    assert used


def test_an_unreachable_ledger_is_a_refusal(tmp_path: Path) -> None:
    published = Published(tmp_path, config(ledger={"url": f"sqlite:///{tmp_path}/no/such/ledger.db"}))
    result = published.publisher.publish()
    assert (result.ok, result.generation) == (False, 0)
    assert result.diagnostics[-1].message.startswith("ledger: ")
    assert not published.data_dir.snapshot.exists()
    published.write_config(config())
    assert published.publisher.publish().ok
    published.close()


# --- what a budget starts with ------------------------------------------------------------------------


def test_a_new_budget_starts_with_what_the_ledger_has(gateway: Gateway) -> None:
    """Whoever is given one in the middle of a month has spent what it has spent."""
    gateway.publish()
    gateway.call(300)
    gateway.call(50, tags={"env": "dev"}, teams=(), public_model="other", provider="elsewhere")
    gateway.publish(**EVERY)
    assert gateway.counted() == {
        "virtual key vk_test yearly": (350, 0),
        "team inner yearly": (300, 0),
        "customer acme yearly": (350, 0),
        "tag env=prod yearly": (300, 0),
        "model GPT* yearly": (300, 0),
        "provider local yearly": (300, 0),
        "gateway yearly": (350, 0),
    }


def test_a_budget_that_goes_on_keeps_what_it_has(gateway: Gateway) -> None:
    gateway.publish(key={"budget": YEAR})
    gateway.call(300)
    (line,) = [ref.line for ref in gateway.budgets()]
    gateway.life(living=True).hold([line], **CALL)
    gateway.publish(key={"budget": {"max_per_year_usd": "2"}})
    assert gateway.budgets()[0].line == line
    assert gateway.counted() == {"virtual key vk_test yearly": (300, 100)}


def test_another_period_is_another_budget(gateway: Gateway) -> None:
    gateway.publish(key={"budget": YEAR})
    gateway.call(300)
    gateway.publish(key={"budget": [YEAR, {"max_per_quarter_usd": "1"}]})
    assert gateway.counted() == {
        "virtual key vk_test yearly": (300, 0),
        "virtual key vk_test quarterly": (300, 0),
    }


def test_a_budget_that_was_given_up_for_a_while(gateway: Gateway) -> None:
    """What was spent meanwhile by calls that did not count in it is in the ledger."""
    gateway.publish(key={"budget": YEAR})
    gateway.call(300)
    gateway.publish()
    gateway.call(40, lines=())
    gateway.publish(key={"budget": YEAR})
    assert gateway.counted() == {"virtual key vk_test yearly": (340, 0)}
    keeper = gateway.now.books.keeper
    assert keeper is not None
    keeper.check(10)
    totals = Totals(gateway.now.data_dir.path / "metrics").series(catalogue.LEDGER_DIFFERENCES)
    assert [total.values[0] for _, total in totals] == [0], "nothing was wrong"


def test_lines_of_what_is_gone_are_used_again_after_a_while(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.publish(key={"budget": YEAR})
    (line,) = [ref.line for ref in gateway.budgets()]
    gateway.publish()
    books, table = gateway.now.books, accounts_file.attach(gateway.now.data_dir)
    books.tidy()
    assert table.load(line, BudgetWord.KIND) != 0, "a request may still be on its way there"
    later = clock.monotonic_ns() + 2 * 3_600 * 1_000_000_000
    clock.install(lambda: later, clock.time_ns)
    try:
        books.tidy()
    finally:
        clock.reset()
    assert table.load(line, BudgetWord.KIND) == 0
    table.close()


def test_a_line_that_a_call_is_held_against_is_not_given_away(gateway: Gateway) -> None:
    gateway.publish(key={"budget": YEAR})
    (line,) = [ref.line for ref in gateway.budgets()]
    gateway.life(living=True).hold([line], **CALL)
    gateway.publish()
    table = accounts_file.attach(gateway.now.data_dir)
    later = clock.monotonic_ns() + 2 * 3_600 * 1_000_000_000
    clock.install(lambda: later, clock.time_ns)
    try:
        gateway.now.books.tidy()
    finally:
        clock.reset()
    assert table.load(line, BudgetWord.KIND) != 0
    table.close()


# --- restarts -----------------------------------------------------------------------------------------


def test_the_control_process_comes_back(gateway: Gateway) -> None:
    gateway.publish(**EVERY)
    gateway.call(300)
    before = gateway.counted()
    gateway.restart_control()
    gateway.publish(**EVERY)
    assert gateway.counted() == before
    gateway.call(7)
    assert gateway.counted()["gateway yearly"] == (307, 0)
    assert len(gateway.ledger()) == 2


def test_a_worker_dies_while_control_is_away(gateway: Gateway) -> None:
    gateway.publish(**EVERY)
    life = gateway.life()
    lines = [ref.line for ref in gateway.budgets()]
    life.call(lines, 300, **CALL)
    life.hold(lines, **CALL)
    life.send(life.hold(lines, **CALL))
    gateway.restart_control()
    life.die()
    gateway.publish(**EVERY)
    gateway.now.books.drain()
    lost = next(entry for entry in gateway.ledger() if entry.closing.outcome is Outcome.WORKER_LOST)
    assert set(gateway.counted().values()) == {(300 + lost.closing.cost, 0)}


def test_the_gateway_comes_back(gateway: Gateway) -> None:
    """Counters are made anew from the ledger, with what the workers of the old life left behind."""
    gateway.publish(**EVERY)
    gateway.call(300)
    life = gateway.life()
    lines = [ref.line for ref in gateway.budgets()]
    made = life.call(lines, 20, **CALL)
    life.hold(lines, **CALL)
    life.send(life.hold(lines, **CALL))
    life.die()
    gateway.restart()
    gateway.publish(**EVERY)
    found = gateway.ledger()
    assert [entry.closing.outcome for entry in found].count(Outcome.WORKER_LOST) == 1
    assert made in found
    total = sum(entry.closing.cost for entry in found)
    assert set(gateway.counted().values()) == {(total, 0)}
    keeper = gateway.now.books.keeper
    assert keeper is not None
    keeper.check(100)
    assert set(gateway.counted().values()) == {(total, 0)}
    assert JournalDir(gateway.now.data_dir.journal).writers() == []


def test_what_a_killed_process_left_half_made_is_removed(gateway: Gateway) -> None:
    gateway.publish()
    half = gateway.now.data_dir.journal / ".0123456789abcdef"
    half.mkdir(parents=True)
    gateway.restart()
    assert not half.exists()


# --- as time goes by ----------------------------------------------------------------------------------


def test_a_new_period_begins(gateway: Gateway) -> None:
    gateway.publish(key={"budget": {"max_usd": "1", "reset_duration": "1h"}})
    (budget,) = gateway.budgets()
    table = accounts_file.attach(gateway.now.data_dir)
    tag = unpack(table.load(budget.line, BudgetWord.COMMITTED))[0]
    for hours in (1, 2, 3, 30):
        gateway.now.books.tick(clock.time_ns() + hours * 3_600 * USD)
        assert unpack(table.load(budget.line, BudgetWord.COMMITTED))[0] == (tag + hours) % 256
        assert unpack(table.load(budget.line, BudgetWord.SPENT))[0] == (tag + hours) % 256
    table.close()


def test_what_a_key_has_used(gateway: Gateway) -> None:
    gateway.publish()
    gateway.call(300)
    gateway.call(40, virtual_key="another")
    report = gateway.now.books.usage("vk_test")
    assert report.virtual_key == "vk_test"
    assert (report.total.calls, report.total.cost_usd) == (1, "0.0000003")
    assert [day.used for day in report.days] == [report.total]
    assert gateway.now.books.usage("nobody").days == []


def test_before_the_first_configuration_there_is_no_ledger(tmp_path: Path) -> None:
    published = Published(tmp_path, config())
    books = published.books
    with pytest.raises(LedgerUnavailable):
        books.usage("vk_test")
    assert books.drain() == 0
    books.tick(0)
    books.tidy()
    books.retire()
    books.write_fullest()
    assert not published.data_dir.fullest.exists()
    published.close()


def test_the_fullest_budgets_have_gauges(gateway: Gateway) -> None:
    gateway.publish(**EVERY, budgets={"metrics_top": 3})
    gateway.now.books.write_fullest()
    found = fullest.read(gateway.now.data_dir.fullest)
    assert len(found.watched) == 3
    lines = {ref.line for ref in gateway.budgets()}
    assert {each.line for each in found.watched} <= lines


def test_old_entries_are_moved_away(gateway: Gateway, tmp_path: Path) -> None:
    settings = {"ledger": {"retention_days": 1, "archive": {"directory": str(tmp_path), "format": "csv"}}}
    gateway.publish(**settings)
    gateway.call(300)
    gateway.call(20)
    gateway.now.books.retire()
    assert len(gateway.ledger()) == 2
    week = clock.time_ns() + 7 * 86_400 * USD
    clock.install(clock.monotonic_ns, lambda: week)
    try:
        gateway.now.books.retire()
    finally:
        clock.reset()
    assert len(gateway.ledger()) == 1, "the hash chain goes on from the last batch"
    assert list(tmp_path.glob("*.csv.gz"))


def test_the_rounds_do_it_all(gateway: Gateway) -> None:
    gateway.publish(**EVERY, ledger={"drain_interval_ms": 10})
    life = gateway.life()
    life.call([ref.line for ref in gateway.budgets()], 300, **CALL)
    life.die()
    books = gateway.now.books

    async def run() -> None:
        rounds = Rounds(books)
        running = [asyncio.ensure_future(each) for each in (rounds.drain(), rounds.check(), rounds.retire())]
        async with asyncio.timeout(10):
            while not gateway.ledger():  # noqa: ASYNC110 - a database sets no event
                await asyncio.sleep(0.01)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        rounds.close()

    asyncio.run(run())
