"""`fastgate config`: look at the configuration as the gateway sees it."""

import typer

from fastgate.cli.options import ConfigOption

app = typer.Typer(help="Look at the configuration.", no_args_is_help=True)


@app.command()
def show(config: ConfigOption = None) -> None:
    """Print the configuration as YAML: file and environment together, secrets masked."""
    from fastgate.cli.place import load_settings
    from fastgate.config.show import show as render

    print(render(load_settings(config)).rstrip("\n"))


@app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    from fastgate.cli.output import print_json
    from fastgate.config.schema import schema as describe

    print_json(describe())
