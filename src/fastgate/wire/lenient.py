"""Single values of a provider's JSON: a field of an unexpected type must not cost the fields beside it."""

from typing import Any, Final

import msgspec

MAX_SCALAR_BYTES: Final = 1024
MAX_COUNT: Final = 1 << 40

_EMPTY: Final = frozenset({b"", b"null", b'""', b"[]", b"{}", b"false", b"0"})
_scalars: Final[msgspec.json.Decoder[str | int]] = msgspec.json.Decoder(str | int)

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""All that decoding a provider's bytes can raise."""


def is_empty(value: msgspec.Raw) -> bool:
    """Absent, or a value that says nothing."""
    return bytes(value) in _EMPTY


def scalar(value: msgspec.Raw) -> str | int | None:
    """A string or a whole number; None for all else, also for one of an absurd length."""
    raw = bytes(value)
    if not raw or len(raw) > MAX_SCALAR_BYTES:
        return None
    try:
        return _scalars.decode(raw)
    except UNREADABLE:
        return None


def text(value: msgspec.Raw) -> str | None:
    decoded = scalar(value)
    return decoded if isinstance(decoded, str) else None


def count(value: Any) -> int:
    """What a provider says it counted; 0 where that is no number, or none that can be."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_COUNT:
        return 0
    return round(value)
