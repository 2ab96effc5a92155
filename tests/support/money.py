"""What tests of money ask a running gateway: its budgets, its ledger, its audit. Money is in nano-USD."""

import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from tests.support.gateway_process import SECRET, GatewayProcess
from tests.support.processes import fastgate_command, in_thread, python_environment
from tests.support.raw_client import exchange, request

NANO = 10**9

FOREVER = "3650d"
"""A period whose end no test sees."""

FORWARD_IDS = {"forward_request_headers": ["x-request-id"]}
"""As `upstream`: the provider sees by which id the ledger has a call."""


def nano(usd: str) -> int:
    amount = Decimal(usd) * NANO
    assert amount == int(amount), usd
    return int(amount)


def usd(amount: int) -> str:
    return f"{Decimal(amount) / NANO:f}"


def flat_price(provider: str, model: str, cost: int) -> dict[str, Any]:
    """A call costs just that, whatever it consumes; so a hold is the cost."""
    return {
        "provider": provider,
        "model": model,
        "input_per_mtok_usd": "0",
        "output_per_mtok_usd": "0",
        "per_request_usd": usd(cost),
    }


def budget(limit: int, **more: Any) -> dict[str, Any]:
    return {"max_usd": usd(limit), "reset_duration": FOREVER, **more}


class Budget(NamedTuple):
    limit: int
    spent: int
    reserved: int


class Entry(NamedTuple):
    """A row of the ledger, of which tests want this."""

    request_id: str
    virtual_key: str
    provider: str
    outcome: str
    admitted_ns: int
    settled_ns: int
    held: int
    cost: int
    estimated: bool


def entries(data_dir: Path) -> list[Entry]:
    """All of them, in their order."""
    with _reading(data_dir / "fastgate.db") as connection:
        rows = connection.execute(f"SELECT {', '.join(Entry._fields)} FROM entries ORDER BY number")
        return [Entry(*row) for row in rows]


def rows(data_dir: Path, column: str) -> list[Any]:
    """What all entries have there, in their order."""
    with _reading(data_dir / "fastgate.db") as connection:
        return [row[0] for row in connection.execute(f"SELECT {column} FROM entries ORDER BY number")]


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    try:
        yield connection
    finally:
        connection.close()


async def budgets_of(url: str, secret: str = SECRET) -> dict[str, Budget]:
    """What `GET /v1/budget` says, by level."""
    answer = await exchange(url, request(method="GET", path="/v1/budget", secret=secret))
    assert answer.status == 200, answer
    return {
        each["level"]: Budget(*(nano(each[f"{name}_usd"]) for name in Budget._fields))
        for each in answer.json()["budgets"]
    }


def all_budgets(gateway: GatewayProcess) -> dict[str, Budget]:
    """What `fastgate budgets` says, by the owner."""
    found = msgspec.json.decode(_run(gateway, "budgets", "--format", "json").stdout)
    return {each["owner"]: Budget(*(nano(each[f"{name}_usd"]) for name in Budget._fields)) for each in found}


async def settled(gateway: GatewayProcess, calls: int, timeout: float = 10.0) -> None:
    """Wait until the ledger has so many entries; it never has more."""

    def look() -> None:
        deadline = time.monotonic() + timeout
        while (found := len(entries(gateway.data_dir))) < calls:
            assert time.monotonic() < deadline, f"the ledger has {found} entries of {calls}"
            threading.Event().wait(0.05)
        assert found == calls

    await in_thread(look)


async def audited(gateway: GatewayProcess) -> None:
    """`fastgate audit` finds nothing."""
    result = await in_thread(lambda: _run(gateway, "audit"))
    assert result.returncode == 0, result.stdout.decode() + result.stderr.decode()


def _run(gateway: GatewayProcess, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    place = ("--config", str(gateway.config_path), "--data-dir", str(gateway.data_dir))
    return subprocess.run(
        fastgate_command(*arguments, *place),
        env=python_environment(),
        capture_output=True,
        check=False,
        timeout=60,
    )


def rfc3339(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def answer_error(body: bytes) -> Mapping[str, Any]:
    error: Mapping[str, Any] = msgspec.json.decode(body)["error"]
    return error
