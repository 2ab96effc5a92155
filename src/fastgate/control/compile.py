"""`python -m fastgate.control.compile`: see `compiling`. Also called in place: see `first`."""

import gc
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from fastgate.budgets.compile import compile_budgets
from fastgate.config.diagnostics import Diagnostic
from fastgate.config.load import check
from fastgate.config.money_settings import LedgerSettings
from fastgate.config.money_view import MoneyView
from fastgate.config.restart import restart_only
from fastgate.config.settings import Settings
from fastgate.control.compiled import Compiled, CompileResult, LedgerPlan, encode_result
from fastgate.control.compiling import CompileRequest, decode_request
from fastgate.control.complete import complete
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
    return compile_checked(settings, found, request.embedded, request.data_dir, environ)


def compile_checked(
    settings: Settings,
    found: list[Diagnostic],
    embedded: Embedded,
    data_dir: str,
    environ: Mapping[str, str],
) -> CompileResult:
    """What `config.load.check` returned."""
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
