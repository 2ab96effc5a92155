"""How `fastgate status` looks."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from fastgate.cli.output import console, table
from fastgate.control.messages import ReloadResult, Status

_EVERY_S: Final = 1.0
_MIB: Final = 1024 * 1024


def follow(fetch: Callable[[], Status]) -> None:
    """Show the status anew every second, until interrupted."""
    with Live(view(fetch()), console=console(), auto_refresh=False) as live:
        while True:
            time.sleep(_EVERY_S)
            live.update(view(fetch()), refresh=True)


def view(status: Status) -> RenderableType:
    """The whole status below each other: the gateway, its deployments, credentials and processes."""
    return Group(
        Text(
            f"fastgate {status.version}  up {_span(status.uptime_s)}  pid {status.pid}  "
            f"generation {status.generation}  {status.in_flight} in flight"
        ),
        *_reload_lines(status.last_reload),
        Text(),
        table(
            ("DEPLOYMENT", "PROVIDER", "BREAKER", "COOLDOWN", "IN FLIGHT", "LATENCY"),
            (
                (
                    deployment.id,
                    deployment.provider,
                    deployment.breaker.replace("_", " "),
                    _seconds(deployment.cooldown_s),
                    str(deployment.in_flight),
                    f"{deployment.latency_ms:.0f} ms" if deployment.latency_ms else "-",
                )
                for deployment in status.deployments
            ),
        ),
        Text(),
        table(
            ("CREDENTIAL", "PROVIDER", "STATE", "COOLDOWN"),
            (
                (
                    credential.id,
                    credential.provider,
                    credential.state.replace("_", " "),
                    _seconds(credential.cooldown_s),
                )
                for credential in status.credentials
            ),
        ),
        *(
            Text(f"the login of {each.provider}/{each.id} failed: {each.login_failure}")
            for each in status.credentials
            if each.login_failure
        ),
        Text(),
        table(
            ("PROCESS", "PID", "UP", "RESTARTS", "MEMORY", "GENERATION"),
            (
                (
                    process.name,
                    str(process.pid) if process.pid else "down",
                    _span(process.uptime_s) if process.pid else "-",
                    str(process.restarts),
                    f"{process.rss_bytes / _MIB:.0f} MiB" if process.rss_bytes else "-",
                    str(process.generation) if process.generation else "-",
                )
                for process in status.processes
            ),
        ),
    )


def _reload_lines(last: ReloadResult | None) -> list[Text]:
    if last is None or last.ok:
        return []
    return [
        Text(f"the last reload failed; generation {last.generation} goes on:"),
        *(Text(f"  {finding}") for finding in last.diagnostics),
    ]


def _span(seconds: float) -> str:
    return str(timedelta(seconds=int(seconds)))


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds else "-"
