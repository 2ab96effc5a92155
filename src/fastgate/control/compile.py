"""`python -m fastgate.control.compile`: see `compiling`. Also called in place: by `serve`, and by tests."""

import gc
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from fastgate.budgets.compile import compile_budgets
from fastgate.config.diagnostics import Diagnostic
from fastgate.config.load import check, usable
from fastgate.config.money_settings import LedgerSettings
from fastgate.config.money_view import MoneyView
from fastgate.config.place import config_file
from fastgate.config.restart import restart_only
from fastgate.config.settings import Settings
from fastgate.control import handover
from fastgate.control.compiled import Compiled, CompileResult, LedgerPlan, encode_result
from fastgate.control.compiling import CompileRequest, decode_request
from fastgate.control.complete import complete, is_complete
from fastgate.control.handover import Handover
from fastgate.control.watch import stamp
from fastgate.errors import ConfigError
from fastgate.keys.compile import compile_keys
from fastgate.launch import Embedded
from fastgate.limits.compile import compile_limits
from fastgate.pricing import update
from fastgate.pricing.compile import compile_prices
from fastgate.routing.compile import compile_snapshot
from fastgate.store.data_dir import DataDir


def compile_here(request: CompileRequest, environ: Mapping[str, str]) -> CompileResult:
    """Read, check and compile."""
    path = None if request.config_path is None else Path(request.config_path)
    settings, found = check(path, environ)
    if settings is None:
        return CompileResult(tuple(found))
    return _compiled(settings, found, request.embedded, request.data_dir, environ)


def load(path: Path | None, environ: Mapping[str, str]) -> tuple[Settings, Callable[[], bytes]]:
    """The settings, and what compiles them for `handover`: into nothing, where something may have to stand in
    for what they do not give. ConfigError lists every error, a line each."""
    file = config_file(path, environ)
    read = None if file is None else stamp(file)
    checked, found = check(path, environ)
    settings = usable(checked, found)

    def handed() -> bytes:
        if not is_complete(settings):
            return b""
        result = _compiled(settings, found, Embedded(), settings.data_dir, environ)
        return handover.encode(Handover(read, result))

    return settings, handed


def _compiled(
    settings: Settings,
    found: list[Diagnostic],
    embedded: Embedded,
    data_dir: str,
    environ: Mapping[str, str],
) -> CompileResult:
    try:
        restart = restart_only(settings)
        settings = complete(settings, embedded)
        view = MoneyView(settings)
        snapshot = compile_snapshot(settings, 0, environ)
        catalogue = update.current(DataDir(data_dir))
        snapshot = msgspec.structs.replace(
            snapshot, prices=compile_prices(settings, snapshot.deployments, catalogue)
        )
        compiled = Compiled(
            snapshot=snapshot,
            keys=compile_keys(settings, environ),
            budgets=compile_budgets(view),
            limits=compile_limits(view),
            ledger=_ledger(settings.ledger),
            restart=restart,
            watched=settings.budgets.metrics_top,
            host=settings.server.host,
        )
    except (ConfigError, OSError, ValueError) as error:
        return CompileResult(tuple(found), tuple(str(error).splitlines()))
    return CompileResult(tuple(found), (), compiled)


def _ledger(settings: LedgerSettings) -> LedgerPlan:
    archive = settings.archive
    return LedgerPlan(
        url=settings.url,
        drain_interval_ms=settings.drain_interval_ms,
        retention_days=settings.retention_days,
        archive_directory=None if archive is None else archive.directory,
        archive_format="parquet" if archive is None else archive.format,
    )


if __name__ == "__main__":
    gc.disable()  # nearly all that is made is kept, and the process ends soon
    asked = decode_request(sys.stdin.buffer.read())
    sys.stdout.buffer.write(encode_result(compile_here(asked, os.environ)))
