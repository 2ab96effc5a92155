"""How a command ends when it cannot do what it was told."""

from collections.abc import Iterable
from typing import Final

EXIT_OK: Final = 0
EXIT_FAILURE: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130


class CommandError(Exception):
    """The message, one line, says what is wrong and what to do."""

    exit_code = EXIT_FAILURE


class UsageError(CommandError):
    """The options and arguments make no sense together."""

    exit_code = EXIT_USAGE


def unknown_key(key_id: str, known: Iterable[str], otherwise: str) -> CommandError:
    """With the id that was probably meant, or else what can be done."""
    from fastgate.config.diagnostics import did_you_mean

    return CommandError(f"there is no virtual key {key_id}: {did_you_mean(key_id, known) or otherwise}")
