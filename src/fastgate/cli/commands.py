"""The tree of commands. One module a group; what a command needs is imported when it runs."""

from typing import Annotated

import typer

from fastgate._version import __version__
from fastgate.cli import (
    audit,
    bench,
    budgets,
    check,
    config,
    export,
    health,
    keys,
    models,
    prices,
    reconcile,
    reload,
    serve,
    sim,
    spend,
    status,
    version,
)

app = typer.Typer(
    help="An OpenAI-compatible gateway in front of every LLM provider.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"fastgate {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


app.command("serve")(serve.serve)
app.command("check")(check.check)
app.add_typer(config.app, name="config")
app.add_typer(keys.app, name="keys")
app.command("models")(models.models)
app.add_typer(prices.app, name="prices")
app.command("sim")(sim.sim)
app.command("bench")(bench.bench)
app.command("reload")(reload.reload)
app.command("status")(status.status)
app.command("health")(health.health)
app.command("spend")(spend.spend)
app.command("budgets")(budgets.budgets)
app.command("audit")(audit.audit)
app.command("reconcile")(reconcile.reconcile)
app.add_typer(export.app, name="export")
app.command("version")(version.version)
