"""OpenAI's `x-ratelimit-*` headers, and the way they write a duration."""

from typing import Final

Header = tuple[bytes, bytes]

NS_PER_S: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000


def seconds_up(ns: int) -> int:
    """Whole seconds, rounded up, at least 1: a client that comes back then is not early."""
    return max(-(-ns // NS_PER_S), 1)


def duration(ns: int) -> bytes:
    """`12ms`, `1s`, `8.64s`, `6m0s`, `1h0m0s`: as Go writes durations; rounded up to milliseconds."""
    ms = -(-ns // NS_PER_MS)
    if ms < 1_000:
        return b"%dms" % ms if ms > 0 else b"0s"
    minutes, ms = divmod(ms, 60_000)
    seconds, ms = divmod(ms, 1_000)
    text = (b"%d.%03d" % (seconds, ms)).rstrip(b"0") + b"s" if ms else b"%ds" % seconds
    if not minutes:
        return text
    hours, minutes = divmod(minutes, 60)
    return b"%dh%dm%b" % (hours, minutes, text) if hours else b"%dm%b" % (minutes, text)


class HeaderNames:
    """The three headers of one kind: `requests` or `tokens`."""

    __slots__ = ("limit", "remaining", "reset")

    def __init__(self, kind: bytes) -> None:
        self.limit = b"x-ratelimit-limit-" + kind
        self.remaining = b"x-ratelimit-remaining-" + kind
        self.reset = b"x-ratelimit-reset-" + kind


OF_REQUESTS: Final = HeaderNames(b"requests")
OF_TOKENS: Final = HeaderNames(b"tokens")
