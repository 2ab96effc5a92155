"""What a line holds, and what can never be in one."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from blockbuster import blockbuster_ctx

from fastgate import clock
from fastgate.domain.credential import SecretRef
from fastgate.domain.snapshot import Credential
from fastgate.observability import log
from fastgate.observability.records import AttemptRecord, ExchangeRecord, Level

Lines = Callable[[], list[dict[str, Any]]]


class Secret:
    def __init__(self, value: str) -> None:
        self.value = value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def lines(path: Path) -> Iterator[Lines]:
    log.configure("debug", str(path), "worker-3")

    def read() -> list[dict[str, Any]]:
        log.flush()
        return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]

    yield read
    log.close()


@pytest.fixture
def fixed_clock() -> Iterator[None]:
    clock.install(lambda: 0, lambda: 1_700_000_000_007_999_999)
    yield
    clock.reset()


def test_an_event_has_the_standard_fields_first(lines: Lines, path: Path, fixed_clock: None) -> None:
    log.event("warning", "breaker opened", deployment="openai/gpt-4o", errors=7, until=None, probes=[1, 2])
    (line,) = lines()
    assert list(line) == [
        *("ts", "level", "message", "pid", "process"),
        *("deployment", "errors", "until", "probes"),
    ]
    assert line["ts"] == "2023-11-14T22:13:20.007Z"
    assert (line["level"], line["message"], line["process"]) == ("warning", "breaker opened", "worker-3")
    assert (line["deployment"], line["errors"], line["until"]) == ("openai/gpt-4o", 7, None)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (999_999, "1970-01-01T00:00:00.000Z"),
        (1_709_208_000_999_000_000, "2024-02-29T12:00:00.999Z"),
    ],
)
def test_timestamps_are_utc_to_the_millisecond(ns: int, text: str) -> None:
    assert log.timestamp(ns) == text


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_lines_below_the_level_are_not_written(
    lines: Lines, path: Path, level: Level, written: list[str]
) -> None:
    log.configure(level, str(path), "worker-3")
    levels: tuple[Level, ...] = ("debug", "info", "warning", "error")
    for each in levels:
        log.event(each, "an event")
        log.exchange(ExchangeRecord(level=each))
    assert [line["level"] for line in lines()] == [each for each in written for _ in range(2)]


def test_an_exchange_is_completed_and_written_as_one_line(lines: Lines, fixed_clock: None) -> None:
    attempt = AttemptRecord(deployment="openai/gpt-4o", result="server_error", status=500, ms=1.5)
    log.exchange(ExchangeRecord(request_id="r", status=200, attempts=[attempt], finish="complete"))
    (line,) = lines()
    assert list(line)[:5] == ["ts", "level", "message", "pid", "process"]
    assert line["ts"] == "2023-11-14T22:13:20.007Z"
    assert (line["level"], line["message"], line["process"]) == ("info", "exchange", "worker-3")
    assert (line["request_id"], line["status"], line["finish"]) == ("r", 200, "complete")
    assert line["attempts"] == [
        {"deployment": "openai/gpt-4o", "result": "server_error", "status": 500, "ms": 1.5}
    ]


def test_no_text_can_begin_a_line_of_its_own(lines: Lines) -> None:
    forged = 'x"}\n{"level":"error","message":"forged"}\r\n\u2028'
    log.event("info", "an event", text=forged)
    log.exchange(ExchangeRecord(path=forged))
    event, exchange = lines()
    assert event["text"] == exchange["path"] == forged


def test_text_that_is_not_utf8_is_written_all_the_same(lines: Lines) -> None:
    bad = b"/v1/\xff".decode("utf-8", "surrogateescape")
    log.exchange(ExchangeRecord(path=bad, tags={"a": bad}, bytes_in=3))
    log.event("info", "an event", values=[bad, 1, None])
    exchange, event = lines()
    assert (exchange["path"], exchange["tags"], exchange["bytes_in"]) == ("/v1/?", {"a": "/v1/?"}, 3)
    assert event["values"] == ["/v1/?", 1, None]


# --- redaction ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        Secret("sk-hidden"),
        SecretRef("sk-hidden"),
        Credential(id="main", secret=SecretRef("sk-hidden")),
        b"sk-hidden",
        ValueError("sk-hidden"),
        {"nested": [Secret("sk-hidden")]},
        [SecretRef("sk-hidden")],
        (b"sk-hidden",),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_event_takes_plain_values_only(lines: Lines, value: Any) -> None:
    with pytest.raises(TypeError, match="is not a plain value") as caught:
        log.event("info", "an event", credential=value)
    assert "sk-hidden" not in str(caught.value)
    assert lines() == []


def test_an_exchange_cannot_carry_an_object(lines: Lines) -> None:
    record = ExchangeRecord(credential=Secret("sk-hidden"))  # type: ignore[arg-type]  # what the test is for
    with pytest.raises(TypeError) as caught:
        log.exchange(record)
    assert "sk-hidden" not in str(caught.value)
    assert lines() == []


@pytest.mark.parametrize("name", ["ts", "pid", "process"])
def test_a_field_cannot_replace_a_standard_one(lines: Lines, name: str) -> None:
    with pytest.raises(TypeError, match=name):
        log.event("info", "an event", **{name: "forged"})
    assert lines() == []


# --- where lines go -------------------------------------------------------------------------------------


def test_a_renamed_file_is_left_at_reopen(lines: Lines, path: Path) -> None:
    log.event("info", "before")
    old = path.rename(path.with_suffix(".1"))
    log.event("info", "still in the old file")
    log.reopen()
    log.event("info", "after")
    assert [line["message"] for line in lines()] == ["after"]
    assert [msgspec.json.decode(line)["message"] for line in old.read_bytes().splitlines()] == [
        "before",
        "still in the old file",
    ]


def test_a_file_that_cannot_be_reopened_is_kept_and_says_so(lines: Lines, path: Path) -> None:
    log.event("info", "before")
    moved = path.parent.with_name("moved")
    path.parent.rename(moved)
    log.reopen()
    log.event("info", "after")
    log.flush()
    messages = [msgspec.json.decode(line)["message"] for line in (moved / "log").read_bytes().splitlines()]
    assert messages == ["before", "log file cannot be reopened", "after"]


def test_a_file_that_cannot_be_opened_leaves_the_log_as_it_was(lines: Lines, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        log.configure("error", str(tmp_path / "missing" / "log"), "worker-4")
    log.event("info", "an event")
    (line,) = lines()
    assert line["process"] == "worker-3"


def test_a_file_is_appended_to(lines: Lines, path: Path) -> None:
    log.event("info", "first")
    log.close()
    log.configure("info", str(path), "worker-3")
    log.event("info", "second")
    assert [line["message"] for line in lines()] == ["first", "second"]
    assert path.stat().st_mode & 0o777 & ~0o640 == 0


async def test_logging_does_not_block_the_event_loop(lines: Lines) -> None:
    with blockbuster_ctx():
        for _ in range(2_000):
            log.exchange(ExchangeRecord(request_id="r"))
    assert len(await asyncio.to_thread(lines)) == 2_000


# --- processes ------------------------------------------------------------------------------------------


def run(code: str) -> subprocess.CompletedProcess[bytes]:
    # Python 3.12 and later warn of a fork beside threads, on the standard error that is read here.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code]
    return subprocess.run(command, capture_output=True, check=True)


def test_before_it_is_configured_the_log_goes_to_standard_error() -> None:
    result = run(
        "from fastgate.observability import log; log.event('info', 'early'); log.event('debug', 'no')"
    )
    (line,) = result.stderr.splitlines()
    assert (msgspec.json.decode(line)["message"], msgspec.json.decode(line)["process"]) == (
        "early",
        "fastgate",
    )
    assert result.stdout == b""


@pytest.mark.parametrize("end", ["pass", "sys.exit(0)", "raise SystemExit"])
def test_an_exit_loses_no_line(end: str) -> None:
    code = (
        "import sys; from fastgate.observability import log\n"
        "for i in range(20_000): log.event('info', 'an event', i=i)\n"
    )
    written = run(code + end).stderr.splitlines()
    assert [msgspec.json.decode(line)["i"] for line in written] == list(range(20_000))


def test_a_fork_loses_and_doubles_no_line() -> None:
    code = """
import os
from fastgate.observability import log
for i in range(100):
    log.event("info", "parent", i=i)
child = os.fork()
for i in range(100):
    log.event("info", "child" if child == 0 else "parent", i=100 + i)
log.flush()
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
"""
    lines = [msgspec.json.decode(line) for line in run(code).stderr.splitlines()]
    by_process = {name: [line for line in lines if line["message"] == name] for name in ("parent", "child")}
    assert [line["i"] for line in by_process["parent"]] == list(range(200))
    assert [line["i"] for line in by_process["child"]] == list(range(100, 200))
    assert {line["pid"] for line in by_process["parent"]}.isdisjoint(
        line["pid"] for line in by_process["child"]
    )
