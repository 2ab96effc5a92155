"""docs/cli.md, from the commands themselves: `python -m fastgate.cli.reference > docs/cli.md`."""

import inspect
from collections.abc import Iterator
from typing import Any, Final

import typer

from fastgate.cli.commands import app

_INTRODUCTION: Final = """\
# Command line

Generated from the commands by `python -m fastgate.cli.reference`; a test compares.

`fastgate --install-completion` sets up completion for your shell. `-h` and `--help` work everywhere.

| Exit code | means |
|---|---|
| 0 | done |
| 1 | it failed: a line for each reason is on standard error |
| 2 | the command line was wrong |
| 130 | interrupted by Ctrl-C |

Results are on standard output, everything else is on standard error. What a program should read, it
gets with `--json`. `python -X dev -m fastgate …` shows the traceback of an internal error.
"""


def render() -> str:
    """The whole document."""
    return _INTRODUCTION + "".join(_command("fastgate", typer.main.get_command(app)))


def _command(name: str, command: Any) -> Iterator[str]:
    if subcommands := getattr(command, "commands", None):
        for sub in subcommands.values():
            yield from _command(f"{name} {sub.name}", sub)
        return
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    options = [param for param in command.params if param.param_type_name == "option"]
    usage = " ".join([name, *map(_placeholder, arguments)])
    yield f"\n## {name}\n\n    {usage}{' [OPTIONS]' * bool(options)}\n\n{inspect.cleandoc(command.help)}\n"
    if options:
        yield "\n| Option | |\n|---|---|\n"
        for option in options:
            yield f"| {_spelling(option)} | {option.help} |\n"


def _placeholder(argument: Any) -> str:
    return str(argument.metavar) if argument.required else f"[{argument.metavar}]"


def _spelling(option: Any) -> str:
    value = "" if option.is_flag else f" {option.metavar or option.name.upper()}"
    return ", ".join(f"`{name}{value}`" for name in option.opts)


if __name__ == "__main__":
    print(render(), end="")
