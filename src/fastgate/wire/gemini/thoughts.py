"""Thoughts of other vendors' models that a client of Gemini's has in pieces.

A stream gives a thought chunk by chunk and its seal at the end, and Google's SDKs send back the chunks as
they came. A seal is of the whole text, so that is put together again.
"""

from msgspec.structs import replace

from fastgate.domain.conversation import Message, Part, Role, Thinking
from fastgate.wire.gemini.seal import OWN


def with_whole_thoughts(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The pieces in front of a foreign seal become one thought, in its place."""
    if not any(_is_sealed(part) for message in messages for part in message.parts):
        return messages
    out: list[list[Part]] = []
    pieces: list[tuple[list[Part], Thinking]] = []
    for message in messages:
        kept: list[Part] = []
        out.append(kept)
        if message.role is not Role.ASSISTANT:
            kept += message.parts
            pieces = []
            continue
        for part in message.parts:
            if isinstance(part, Thinking) and part.signature is None and part.redacted is None:
                kept.append(part)
                pieces.append((kept, part))
                continue
            if isinstance(part, Thinking) and _is_sealed(part):
                text = "".join(piece.text for _, piece in pieces) + part.text
                for where, _ in pieces:
                    where.pop()
                kept.append(replace(part, text=text))
            else:
                kept.append(part)
            pieces = []
    return tuple(
        replace(message, parts=tuple(parts))
        for message, parts in zip(messages, out, strict=True)
        if parts or not message.parts
    )


def _is_sealed(part: Part) -> bool:
    return isinstance(part, Thinking) and part.signature is not None and part.format is not OWN
