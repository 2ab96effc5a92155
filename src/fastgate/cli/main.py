"""The `fastgate` command: every failure becomes a line on standard error and an exit code."""

import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from fastgate.cli.commands import app
from fastgate.cli.errors import EXIT_FAILURE, EXIT_INTERRUPTED, EXIT_OK, CommandError
from fastgate.errors import ConfigError


def main() -> NoReturn:
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    command = typer.main.get_command(app)
    try:
        result = command.main(args=list(arguments), prog_name="fastgate", standalone_mode=False)
    except typer.TyperException as error:
        # The message is empty where the help was printed instead of it.
        if message := error.format_message():
            _complain(f"{message.rstrip('.')} (see `{_command_of(error)} --help`)")
        return error.exit_code
    except CommandError as error:
        _complain(str(error))
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_INTERRUPTED
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        _complain(_explain(error))
        return EXIT_FAILURE
    return result if isinstance(result, int) else EXIT_OK


def _command_of(error: typer.TyperException) -> str:
    # Only a usage error carries the context, and no public class of typer declares that it does.
    context: typer.Context | None = getattr(error, "ctx", None)
    return "fastgate" if context is None else context.command_path


def _explain(error: Exception) -> str:
    from fastgate.store.keys import KeyStoreError
    from fastgate.store.ledger.errors import LedgerError

    if isinstance(error, ConfigError | KeyStoreError | LedgerError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return (
        f"internal error: {type(error).__name__}: {error} "
        f"(`python -X dev -m fastgate …` shows where; please report it)"
    )


def _complain(message: str) -> None:
    for line in message.splitlines():
        print(f"fastgate: {line}", file=sys.stderr)
