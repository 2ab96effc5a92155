"""Thoughts of other vendors' models that a client of Gemini's has in pieces.

A stream gives a thought chunk by chunk and its seal at the end, and Google's SDKs send back the chunks as
they came. A seal is of the whole text, so that is put together again.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from fastgate.domain.conversation import Message, Part, Role, Thinking
from fastgate.wire.gemini.seal import OWN

_Placed = tuple[str, Part]


def with_whole_thoughts(
    messages: tuple[Message, ...], places: Sequence[str]
) -> tuple[tuple[Message, ...], tuple[str | tuple[str, ...], ...]]:
    """The pieces in front of a foreign seal become one thought, in its place. `places` are those of the
    messages' parts; the second is `Places.parts`."""
    if not any(_is_sealed(part) for message in messages for part in message.parts):
        return messages, tuple(places)
    out: list[list[_Placed]] = []
    pieces: list[tuple[list[_Placed], Thinking]] = []
    for message, place in zip(messages, places, strict=True):
        kept: list[_Placed] = []
        out.append(kept)
        placed = [(f"{place}[{index}]", part) for index, part in enumerate(message.parts)]
        if message.role is not Role.ASSISTANT:
            kept += placed
            pieces = []
            continue
        for path, part in placed:
            if isinstance(part, Thinking) and part.signature is None and part.redacted is None:
                kept.append((path, part))
                pieces.append((kept, part))
                continue
            if isinstance(part, Thinking) and _is_sealed(part):
                text = "".join(piece.text for _, piece in pieces) + part.text
                for where, _ in pieces:
                    where.pop()
                kept.append((path, replace(part, text=text)))
            else:
                kept.append((path, part))
            pieces = []
    left = [
        (replace(message, parts=tuple([part for _, part in kept])), tuple([path for path, _ in kept]))
        for message, kept in zip(messages, out, strict=True)
        if kept or not message.parts
    ]
    return tuple([message for message, _ in left]), tuple([paths for _, paths in left])


def _is_sealed(part: Part) -> bool:
    return isinstance(part, Thinking) and part.signature is not None and part.format is not OWN
