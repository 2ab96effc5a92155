"""Budgets as the accounts file has them, listed and compared with the ledger and the journals."""

import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.conftest import FakeClock
from tests.support import sample_ledger
from tests.support.sample_ledger import DAY_NS, FIRST_DAY_NS, HOUR_NS, WRITERS
from tests.unit.cli.conftest import Run

from fastgate import clock
from fastgate._core.accounts import AccountTable
from fastgate._core.journal import JournalWriter, SegmentReader
from fastgate.budgets.periods import calendar
from fastgate.budgets.state import pack
from fastgate.cli.audit_run import run as run_audit
from fastgate.cli.budget_report import report
from fastgate.domain.account import (
    KIND_BUDGET,
    Accounts,
    BudgetRef,
    BudgetWord,
    Level,
    Owner,
)
from fastgate.domain.snapshot import ModelAccounts, Snapshot, TagAccounts, Worker
from fastgate.domain.usage import Usage
from fastgate.domain.virtual_key import VirtualKey
from fastgate.ledger.audit_report import Report
from fastgate.ledger.journal_dir import JournalDir
from fastgate.store import accounts, snapshot
from fastgate.store.data_dir import DataDir
from fastgate.store.keys import KeyStore, keys_path
from fastgate.store.ledger.database import LedgerDatabase

MONTH = calendar("monthly", "UTC")
NOW_NS = FIRST_DAY_NS + 3 * DAY_NS

CUSTOMER = BudgetRef(0, Owner(Level.CUSTOMER, "acme"), "monthly", strict=True, soft=(500, 800))
TAG = BudgetRef(1, Owner(Level.TAG, "env=dev"), "monthly")
MODEL = BudgetRef(2, Owner(Level.MODEL, "gpt-*"), "monthly")
KEY = BudgetRef(3, Owner(Level.VIRTUAL_KEY, "vk_acme"), "monthly")
REFS = (CUSTOMER, TAG, MODEL, KEY)
SPENT = {0: 725_000_000, 1: 837_965_000, 2: 725_000_000, 3: 725_000_000}


def place(
    table: AccountTable, line: int, *, limit: int, spent: int, reserved: int = 0, at_ns: int = NOW_NS
) -> None:
    """As the control process fills the line of a monthly budget; its account has the id 100 + line."""
    number = MONTH.bounds(at_ns).number
    words = {
        BudgetWord.ID: 100 + line,
        BudgetWord.KIND: KIND_BUDGET,
        BudgetWord.LIMIT: limit,
        BudgetWord.COMMITTED: pack(number, spent + reserved),
        BudgetWord.SPENT: pack(number, spent),
    }
    for word, value in words.items():
        table.store(line, word, value)
    for each in range(number - 1, number + 3):
        table.store(line, BudgetWord.BOUNDARY + (each & 3), MONTH.start(each + 1))


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Of a gateway with four budgets, which have spent what the sample ledger says, in this very month."""
    path = tmp_path / "fastgate-data"
    sample_ledger.create(path)
    with KeyStore(keys_path(path)) as store:
        store.sync_configured([VirtualKey(id="vk_acme", accounts=Accounts(budgets=(KEY,)))], [])
    compiled = Snapshot(
        generation=1,
        worker=Worker(),
        providers={},
        deployments={},
        serves={},
        routes={},
        owners={"customer/acme": Accounts(budgets=(CUSTOMER,))},
        tag_accounts=(TagAccounts({"env": "dev"}, Accounts(budgets=(TAG,))),),
        model_accounts=(ModelAccounts("gpt-*", Accounts(budgets=(MODEL,))),),
    )
    with snapshot.replacing(DataDir(path).snapshot, compiled):
        pass
    return path


@pytest.fixture
def table(data_dir: Path) -> Iterator[AccountTable]:
    table = accounts.create(DataDir(data_dir))
    for line, spent in SPENT.items():
        place(table, line, limit=1_000_000_000, spent=spent)
    yield table
    table.close()


@pytest.fixture
def gateway(data_dir: Path, table: AccountTable, fake_clock: FakeClock) -> Iterator[Path]:
    """The data directory of a gateway that runs, in the month of the sample ledger."""
    fake_clock.wall = NOW_NS
    with DataDir(data_dir).lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield data_dir


def audited(data_dir: Path) -> Report:
    database = LedgerDatabase.open_reader(None, data_dir)
    try:
        return run_audit(database, data_dir)
    finally:
        database.close()


# --- the list ---------------------------------------------------------------------------------------


def listed(run: Run, *arguments: str) -> list[dict[str, Any]]:
    done = run("budgets", "--format", "json", *arguments)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = msgspec.json.decode(done.stdout)
    return found


def test_budgets_of_all_owners_are_listed(run: Run, table: AccountTable) -> None:
    now_ns = clock.time_ns()
    place(table, 0, limit=1_000_000_000, spent=600_000_000, reserved=50_000_000, at_ns=now_ns)
    found = listed(run)
    assert [budget["owner"] for budget in found] == [
        "customer acme",
        "model gpt-*",
        "tag env=dev",
        "virtual key vk_acme",
    ]
    end_s = MONTH.bounds(now_ns).end_ns // 10**9
    assert {**found[0], "projected_usd": "", "resets_at": ""} == {
        "owner": "customer acme",
        "period": "monthly",
        "limit_usd": "1.00",
        "spent_usd": "0.60",
        "reserved_usd": "0.05",
        "left_usd": "0.35",
        "resets_at": "",
        "projected_usd": "",
        "passed": ["50%"],
        "strict": True,
    }
    assert found[0]["resets_at"].startswith("20")
    assert end_s > now_ns // 10**9
    assert [budget["owner"] for budget in listed(run, "--owner", "vk_")] == ["virtual key vk_acme"]


@pytest.mark.parametrize(
    ("at_ns", "spent_usd", "projected_usd"),
    [
        (FIRST_DAY_NS + 3 * DAY_NS, "0.60", "6.00"),  # a tenth of November
        (FIRST_DAY_NS + 15 * DAY_NS, "0.60", "1.20"),
        (
            FIRST_DAY_NS + 30 * DAY_NS,
            "0.00",
            None,
        ),  # December has just begun, and nobody has rolled the line over
        (FIRST_DAY_NS + 31 * DAY_NS, "0.00", "0.00"),
    ],
)
def test_the_projection_goes_on_as_it_began(
    table: AccountTable, at_ns: int, spent_usd: str, projected_usd: str | None
) -> None:
    place(table, 0, limit=1_000_000_000, spent=600_000_000)
    found = report(table, CUSTOMER, at_ns)
    assert (found.spent_usd, found.projected_usd) == (spent_usd, projected_usd)


def test_a_budget_without_boundaries_has_no_projection(table: AccountTable) -> None:
    place(table, 0, limit=1_000_000_000, spent=600_000_000)
    for word in range(BudgetWord.BOUNDARY, BudgetWord.BOUNDARY + 4):
        table.store(0, word, 0)
    found = report(table, CUSTOMER, NOW_NS)
    assert (found.spent_usd, found.resets_at, found.projected_usd) == ("0.60", None, None)


def test_budgets_as_table_and_csv(run: Run, table: AccountTable) -> None:
    place(table, 0, limit=1_000_000_000, spent=900_000_000, at_ns=clock.time_ns())
    lines = run("budgets", "--owner", "acme", "--format", "csv").stdout.splitlines()
    assert lines[0] == "owner,period,limit_usd,spent_usd,reserved_usd,left_usd,projected_usd,resets_at,passed"
    assert lines[1].startswith("customer acme,monthly,1.00,0.90,0.00,0.10,")
    assert lines[1].endswith(",50% 80%")
    table_lines = run("budgets", "--owner", "acme").stdout.splitlines()
    assert " ".join(table_lines[0].split()) == (
        "OWNER PERIOD LIMIT USD SPENT USD RESERVED USD LEFT USD PROJECTED USD RESETS AT PASSED"
    )
    assert table_lines[2].split()[:7] == ["customer", "acme", "monthly", "1.00", "0.90", "0.00", "0.10"]


def test_without_a_gateway_there_are_no_budgets(run: Run, data_dir: Path) -> None:
    done = run("budgets")
    assert (done.returncode, done.stdout) == (1, "")
    assert "there are no budgets in fastgate-data: the gateway places them when it runs" in done.stderr


def test_without_a_configuration_there_are_no_budgets(run: Run, data_dir: Path, table: AccountTable) -> None:
    DataDir(data_dir).snapshot.unlink()
    done = run("budgets")
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no configuration in fastgate-data: the gateway has not run yet" in done.stderr


# --- the audit --------------------------------------------------------------------------------------


def test_counters_of_a_running_gateway_are_compared(gateway: Path) -> None:
    found = audited(gateway)
    assert (found.differences, found.counters) == ([], 4)


@pytest.mark.parametrize("line", [0, 1, 2, 3])
def test_a_counter_that_is_off_by_one_nano_dollar(gateway: Path, table: AccountTable, line: int) -> None:
    place(table, line, limit=1_000_000_000, spent=SPENT[line] + 1)
    (difference,) = audited(gateway).differences
    assert difference.what == f"monthly budget of {REFS[line].owner}, spent"
    assert (difference.recorded[-9:], difference.expected[-1]) == (f"{SPENT[line] + 1:09d}", "5")


def test_counters_are_not_compared_where_no_gateway_runs(data_dir: Path, table: AccountTable) -> None:
    """They are made anew at its start."""
    place(table, 0, limit=1, spent=1)
    found = audited(data_dir)
    assert (found.ok, found.counters) == (True, 0)


def journaled(data_dir: Path, costs: list[int], segment_bytes: int = 1 << 20) -> tuple[JournalWriter, Path]:
    """Entries that a worker has written, and the control process has not seen."""
    directory = JournalDir(DataDir(data_dir).journal).create()
    writer = JournalWriter(str(directory.path), segment_bytes)
    for number, cost in enumerate(costs):
        entry = sample_ledger.entry(
            f"{directory.writer}{number}", FIRST_DAY_NS + HOUR_NS, Usage(), cost=cost, charged=(100, 103)
        )
        writer.prepare()
        writer.append(msgspec.msgpack.encode(entry))
    return writer, directory.path


def test_what_journals_hold_is_part_of_the_counters(gateway: Path, table: AccountTable) -> None:
    writer, _ = journaled(gateway, [30, 12])
    for line in (0, 3):
        place(table, line, limit=1_000_000_000, spent=SPENT[line] + 42)
    found = audited(gateway)
    assert (found.differences, found.journaled, found.counters) == ([], 2, 4)
    writer.close()


def test_a_damaged_journal_is_named(gateway: Path, table: AccountTable) -> None:
    writer, directory = journaled(gateway, [0, 0, 0])
    writer.close()
    segment = directory / "0000000000000001.seg"
    data = bytearray(segment.read_bytes())
    second = data.index(f"{directory.name}1".encode())
    data[second] ^= 1
    segment.write_bytes(data)
    (difference,) = audited(gateway).differences
    assert difference.what == f"writer {directory.name}, records 2 to 2"
    assert (difference.recorded, difference.expected) == ("missing", "there")


def test_a_segment_that_was_deleted_before_it_was_drained_is_named(gateway: Path) -> None:
    writer, directory = journaled(gateway, [0] * 20, segment_bytes=4_096)
    first = directory / "0000000000000001.seg"
    lost = len(SegmentReader(str(first)).read(20, True))
    first.unlink()
    (difference,) = audited(gateway).differences
    assert difference.what == f"writer {directory.name}, records 1 to {lost}"
    assert (difference.recorded, difference.expected) == ("missing", "there")
    writer.close()


def test_a_record_that_is_no_entry_is_named(gateway: Path) -> None:
    writer, directory = journaled(gateway, [])
    writer.prepare()
    writer.append(b"\x01")
    (difference,) = audited(gateway).differences
    assert difference.what == f"writer {directory.name}, record 1"
    assert difference.recorded.startswith("unreadable (")
    writer.close()


def test_a_counter_that_never_gets_what_was_journaled(gateway: Path, fake_clock: FakeClock) -> None:
    """Looked at again for some seconds: an entry is journaled before it is settled."""
    writer, _ = journaled(gateway, [30])
    looks = 0

    def later() -> int:
        nonlocal looks
        looks += 1
        return fake_clock.monotonic + looks * 10**9

    clock.install(later, lambda: fake_clock.wall)
    found = audited(gateway)
    assert [difference.recorded for difference in found.differences] == ["0.725", "0.725"]
    assert looks > 4
    writer.close()


def test_the_sample_is_of_the_writers_that_it_says() -> None:
    assert {writer for writer, _ in sample_ledger.entries()} == set(WRITERS)
