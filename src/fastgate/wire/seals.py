"""Whether a request carries seals of other formats' thinking, which only a translation takes out again."""

from typing import Final

from fastgate.domain.format import Format

_CARRIERS: Final = frozenset({Format.MESSAGES, Format.INVOKE, Format.GENERATE_CONTENT, Format.CONVERSE})
_PLAIN: Final = b'"fastgate.'
_ENCODED: Final = b'"ZmFzdGdhdG'  # the same in base64, as far as what follows does not change it
_UNSEALED: Final = (b'"signature":""', b'"signature": ""')  # of a provider that seals nothing


def carries_seals(format_: Format | None, body: bytes) -> bool:
    """An earlier turn was answered by a provider of another format, and this one's would refuse its seal."""
    if format_ not in _CARRIERS:
        return False
    return _PLAIN in body or _ENCODED in body or any(each in body for each in _UNSEALED)
