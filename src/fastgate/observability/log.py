"""The log: one JSON line an exchange and one an operational event, written off the caller's thread.

Every line has `ts`, `level`, `message`, `pid` and `process`. Redaction is by construction: an event
takes plain values only, and an exchange's fields are fixed (`records`).
"""

import atexit
import os
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

import msgspec

from fastgate import clock
from fastgate.observability.line_writer import LineWriter
from fastgate.observability.records import ExchangeRecord, Level

Value: TypeAlias = "str | int | float | bool | Sequence[Value] | Mapping[str, Value] | None"

_RANK: Final[dict[str, int]] = {"debug": 0, "info": 1, "warning": 2, "error": 3}
_FLUSH_TIMEOUT_S: Final = 5.0
_encode: Final = msgspec.json.Encoder().encode


class _Settings:
    """What `configure` sets; an info log on standard error until then."""

    def __init__(self) -> None:
        self.rank = _RANK["info"]
        self.process = "fastgate"
        self.pid = os.getpid()
        self.writer = LineWriter(None, _notice)
        self.dropped_by_earlier_writers = 0


def configure(level: Level, path: str | None, process: str) -> None:
    """Write lines from `level` up to the file `path`, or to standard error, in the name of `process`.

    May be called again. OSError where the file cannot be opened; the log then stays as it was.
    """
    if path != _settings.writer.path:
        _write_to(path)
    _settings.rank = _RANK[level]
    _settings.process = process


def event(level: Level, message: str, **fields: Value) -> None:
    """Log what happened to the gateway itself. `message` is a constant; what varies is in `fields`.

    TypeError for a value that isn't plain (a secret, an object of any kind), and for a field with
    the name of a standard one.
    """
    for name, value in fields.items():
        _require_plain(name, value)
    if _RANK[level] >= _settings.rank:
        _settings.writer.write(_event_line(level, message, fields))


def exchange(record: ExchangeRecord) -> None:
    """Log an exchange; `record` is complete but for the standard fields, and not used afterwards."""
    record.level = record.level or "info"
    if _RANK[record.level] >= _settings.rank:
        record.ts = timestamp(clock.time_ns())
        record.message = "exchange"
        record.pid = _settings.pid
        record.process = _settings.process
        _settings.writer.write(_json_line(record))


def dropped() -> int:
    """Lines that this process lost so far."""
    return _settings.dropped_by_earlier_writers + _settings.writer.dropped


def reopen() -> None:
    """Open the file anew, for log rotation. Safe in a signal handler."""
    _settings.writer.reopen()


def flush() -> None:
    """Wait until every line so far is written, but no longer than five seconds."""
    _settings.writer.flush(_FLUSH_TIMEOUT_S)


def close() -> None:
    """Write what is queued, close the file, and go back to standard error."""
    _write_to(None)


def timestamp(ns: int) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{_to_the_second(seconds)}.{rest // 1_000_000:03d}Z"


@lru_cache(maxsize=2)
def _to_the_second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _event_line(level: Level, message: str, fields: Mapping[str, Value]) -> bytes:
    return _json_line(
        dict(  # no literal: there a field would overwrite a standard one, here that is a TypeError
            ts=timestamp(clock.time_ns()),
            level=level,
            message=message,
            pid=_settings.pid,
            process=_settings.process,
            **fields,
        )
    )


def _notice(message: str, fields: Mapping[str, Value]) -> bytes:
    return _event_line("warning", message, fields)


def _json_line(content: dict[str, Value] | ExchangeRecord) -> bytes:
    try:
        return _encode(content) + b"\n"
    except UnicodeEncodeError:
        return _encode(_without_surrogates(msgspec.to_builtins(content))) + b"\n"


def _without_surrogates(value: Value) -> Value:
    """Text of a client's that is not UTF-8 came in with surrogates; they become question marks."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {key: _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_without_surrogates(item) for item in value]
    return value


def _require_plain(name: str, value: Value) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            _require_plain(f"{name}.{key}", item)
    elif isinstance(value, list | tuple):
        for item in value:
            _require_plain(name, item)
    elif value is not None and not isinstance(value, str | int | float):
        raise TypeError(f"log field {name} is a {type(value).__name__}, which is not a plain value")


def _write_to(path: str | None) -> None:
    before, _settings.writer = _settings.writer, LineWriter(path, _notice)
    before.close(_FLUSH_TIMEOUT_S)
    _settings.dropped_by_earlier_writers += before.dropped


def _after_fork() -> None:
    _settings.pid = os.getpid()
    _settings.writer.restart_in_child()


_settings = _Settings()
atexit.register(flush)
os.register_at_fork(after_in_child=_after_fork)
