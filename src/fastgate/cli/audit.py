"""`fastgate audit`: proves that the ledger is whole and right."""

from fastgate.cli.errors import EXIT_FAILURE, EXIT_OK
from fastgate.cli.options import ConfigOption, DataDirOption, JsonOption


def audit(*, as_json: JsonOption = False, config: ConfigOption = None, data_dir: DataDirOption = None) -> int:
    """Check the ledger against itself, its prices, the journals and the counters; the gateway may run.

    Every entry's cost is worked out anew, the hash chain and the roll-ups too; no journal number may be
    missing, and the counters must be what ledger and journals add up to. Exit code 1 and a line for each
    difference.
    """
    from fastgate.cli.audit_run import run
    from fastgate.cli.ledger_place import open_ledger
    from fastgate.cli.output import note, print_json

    with open_ledger(config, data_dir) as (database, directory):
        report = run(database, directory)
    if as_json:
        print_json(report)
    else:
        for difference in report.differences:
            print(difference)
        if (unnamed := sum(report.counts.values()) - len(report.differences)) > 0:
            print(f"and {unnamed} more")
        print(f"last hash: {report.last_hash or '-'}")
    note(
        f"{report.entries} entries over {report.cost_usd} USD in {report.batches} batches, "
        f"{report.journaled} more in journals; {report.rollups} roll-ups, {report.writers} writers, "
        f"{report.counters} counters"
    )
    note(f"{report.estimated} entries are estimates, {report.unpriced} had no price")
    found = sum(report.counts.values())
    note("no difference" if report.ok else f"{found} difference{'s' * (found != 1)}")
    return EXIT_OK if report.ok else EXIT_FAILURE
