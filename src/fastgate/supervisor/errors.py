"""Why the gateway does not start: a message for the person who started it, without a traceback."""


class StartError(Exception):
    """The message is one line, or one line for each reason."""
