"""Seals of thinking that a client of one format keeps for the provider of another.

A client sends back the one member in which its own format has seals, and knows no other place for such
things. So another format's seal travels there with that format's name (`carried` in each format), and is one
again on its return (`opened`).
"""

from typing import Final, NamedTuple

from fastgate.domain.format import Format

HERE: Final = "here"
AHEAD: Final = "ahead"
REDACTED: Final = "redacted"
_PLACES: Final = frozenset({HERE, AHEAD, REDACTED})

_PREFIX: Final = "fastgate"
_FORMATS: Final = frozenset(Format)

_CARRIERS: Final = frozenset({Format.MESSAGES, Format.INVOKE, Format.GENERATE_CONTENT, Format.CONVERSE})
_PLAIN: Final = b'"fastgate.'
_ENCODED: Final = b'"ZmFzdGdhdG'  # the same in base64, as far as what follows does not change it
_UNSEALED: Final = (b'"signature":""', b'"signature": ""')  # of a provider that seals nothing


class Seal(NamedTuple):
    """`place`: HERE seals the text beside it, AHEAD the text or tool call behind it, and REDACTED is all
    there is of a thought. `format` None is the one that it is read and written in."""

    format: Format | None
    text: str
    place: str = HERE


def labelled(format_: Format, seal: Seal) -> str:
    """The seal with what `unlabelled` needs to make it one again."""
    return f"{_PREFIX}.{format_.value}.{seal.place}.{seal.text}"


def unlabelled(text: str) -> Seal | None:
    """None: no label is on it, so it is of the format that has it."""
    parts = text.split(".", 3)
    if len(parts) == 4 and parts[0] == _PREFIX and parts[1] in _FORMATS and parts[2] in _PLACES:
        return Seal(Format(parts[1]), parts[3], parts[2])
    return None


def carries_seals(format_: Format | None, body: bytes) -> bool:
    """An earlier turn was answered by a provider of another format, and this one's would refuse its seal."""
    if format_ not in _CARRIERS:
        return False
    return _PLAIN in body or _ENCODED in body or any(each in body for each in _UNSEALED)
