"""`fastgate reconcile`: a provider's invoice or usage export against the ledger."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fastgate.cli.errors import EXIT_FAILURE, EXIT_OK, CommandError, UsageError
from fastgate.cli.ledger_place import ZoneOption
from fastgate.cli.options import ConfigOption, DataDirOption, JsonOption
from fastgate.ledger.invoices.vendor import Vendor

if TYPE_CHECKING:
    from fastgate.ledger.reconcile import Reconciliation


def reconcile(
    invoice: Annotated[
        Path, typer.Argument(metavar="INVOICE", help="The export, CSV, plain or .gz.", show_default=False)
    ],
    *,
    vendor: Annotated[
        Vendor | None,
        typer.Option("--provider", help="Whose export it is; default what its header says."),
    ] = None,
    providers: Annotated[
        list[str] | None,
        typer.Option(
            "--ledger-provider",
            metavar="NAME",
            help="Providers of the configuration that it is about, may be repeated; default those that are "
            "called as the vendor's are known.",
        ),
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="INVOICED=MODEL",
            help="Which model a name in the invoice means; may be repeated.",
        ),
    ] = None,
    timezone: ZoneOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> int:
    """Compare an export of OpenAI, Anthropic, AWS or Google Cloud with the ledger, per day and model.

    Says what each difference comes from. Exit code 1 if anything but rounding and time zones differs.
    """
    from fastgate.cli.ledger_place import open_ledger
    from fastgate.cli.output import print_json
    from fastgate.ledger import reconcile as reconciling
    from fastgate.ledger.invoices.line import InvoiceError
    from fastgate.ledger.invoices.read import read
    from fastgate.ledger.reconcile_source import PROVIDERS, recorded
    from fastgate.store.ledger.prices import all_prices

    meant = dict(map(_name, names or []))
    try:
        export = read(invoice, vendor)
    except InvoiceError as error:
        raise CommandError(str(error)) from error
    first, last = reconciling.days_of(export)
    day = timedelta(days=1)
    with open_ledger(config, data_dir) as (database, _):
        chosen = tuple(providers or PROVIDERS[export.vendor])
        hours = list(recorded(database, chosen, first - day, last + 2 * day))
        prices = all_prices(database)
    zone = export.timezone if timezone is None else timezone.key
    result = reconciling.reconcile(export, hours, prices, zone, meant)
    if as_json:
        print_json(result)
    else:
        _print(result)
    return EXIT_OK if result.agrees else EXIT_FAILURE


def _name(text: str) -> tuple[str, str]:
    invoiced, equals, model = text.partition("=")
    if not (equals and invoiced and model):
        raise UsageError(f"--model {text}: write INVOICED=MODEL")
    return invoiced, model


def _print(result: "Reconciliation") -> None:
    from fastgate.cli.output import note, print_table

    columns = (
        "DAYS",
        "MODEL",
        "INVOICED USD",
        "LEDGER USD",
        "DIFFERENCE",
        "INVOICED TOKENS",
        "LEDGER TOKENS",
        "WHY",
    )
    print_table(
        columns,
        (
            (
                str(found.first) if found.first == found.last else f"{found.first} to {found.last}",
                found.model,
                found.invoiced_usd or "-",
                found.recorded_usd,
                found.difference_usd or "-",
                "-" if found.invoiced_tokens is None else str(found.invoiced_tokens),
                str(found.recorded_tokens),
                "; ".join(reason.text for reason in found.reasons) or "-",
            )
            for found in result.comparisons
        ),
    )
    for reason, amount in result.left_out_usd.items():
        note(f"left out of the comparison: {reason}, {amount} USD")
    differing = sum(not found.agrees for found in result.comparisons)
    note(
        f"invoiced {result.invoiced_usd or 'no money'}, in the ledger {result.recorded_usd} USD; "
        f"days cut in {result.timezone}; {differing} of {len(result.comparisons)} differ"
    )
