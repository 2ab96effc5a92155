"""`fastgate reload`: let the running gateway read its configuration again."""

from fastgate.cli.errors import EXIT_FAILURE, EXIT_OK
from fastgate.cli.options import ConfigOption, DataDirOption, JsonOption


def reload(as_json: JsonOption = False, config: ConfigOption = None, data_dir: DataDirOption = None) -> int:
    """Reload the configuration of the running gateway. A broken one changes nothing, and exits with 1."""
    from fastgate.cli.control_client import ControlClient
    from fastgate.cli.output import note, print_json
    from fastgate.cli.place import find_data_dir
    from fastgate.control.messages import ReloadResult

    with ControlClient(find_data_dir(config, data_dir)) as control:
        result = control.call("POST", "/reload", ReloadResult)
    if as_json:
        print_json(result)
    else:
        for finding in result.diagnostics:
            print(finding)
    for setting in result.restart_needed:
        note(f"{setting} takes effect only when the gateway is started again")
    if not result.ok:
        note(f"not reloaded: the gateway goes on with generation {result.generation}")
        return EXIT_FAILURE
    for worker in result.behind:
        note(f"{worker} goes on with an older generation and tries again: its log lines say why")
    note(f"reloaded: generation {result.generation}")
    return EXIT_OK
