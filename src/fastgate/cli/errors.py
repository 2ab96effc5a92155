"""How a command ends when it cannot do what it was told."""

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
