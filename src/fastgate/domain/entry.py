"""The record of what one attempt cost: opened when money is held, closed when it is settled.

A worker journals both halves as they are; the control process brings them into the ledger. Money is in
nano-USD, times in nanoseconds since the Unix epoch.
"""

from enum import StrEnum
from typing import Final

import msgspec

from fastgate.domain.usage import Usage

MAX_OPENING: Final = 3_072
"""Bytes of an encoded opening: what has room in the slot of a hold."""


class Outcome(StrEnum):
    """How the attempt ended that is billed."""

    COMPLETE = "complete"
    CANCELLED = "cancelled"  # the client left
    CUT = "cut"  # the provider broke off after content
    FAILED = "failed"  # before content, though the provider bills it
    HEDGE_LOST = "hedge_lost"
    WORKER_LOST = "worker_lost"


class Parties(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """Who calls, and where: the same for all calls of one payer to one destination.

    `teams` from the innermost outwards. `model` is the name sent upstream, `public_model` the deployment's
    (a safe label).
    """

    virtual_key: str
    customer: str
    teams: tuple[str, ...]
    tags: dict[str, str]
    metadata: dict[str, str]
    endpoint: str
    provider: str
    deployment: str
    credential: str
    model: str
    public_model: str


class Opening(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is known before the call.

    `hold_price` is the id of the price that `held` was worked out by, "" for none; `input_tokens` is the
    estimate that it was worked out from.
    """

    parties: Parties
    request_id: str
    attempt: int
    stream: bool
    requested_model: str
    hold_price: str
    held: int
    input_tokens: int


class Closing(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """What became of it.

    `id` is unique over all entries: the writer and the number of the hold, hexadecimal. `admitted_ns` decides
    the period that `cost` counts in. `charged` are the ids of the accounts that were charged. `estimated`:
    the provider did not say what it consumed. `price` is the id of the one that `cost` was worked out by,
    which the service tier may have changed; `unpriced`: there was none, and `cost` is 0 by policy.
    """

    id: str
    admitted_ns: int
    settled_ns: int
    outcome: Outcome
    status: int
    usage: Usage
    price: str
    estimated: bool
    unpriced: bool
    cost: int
    charged: tuple[int, ...]
    duration_ms: int
    ttft_ms: int


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One ledger entry."""

    opening: Opening
    closing: Closing


encode_closing: Final = msgspec.msgpack.Encoder().encode
decode_opening: Final = msgspec.msgpack.Decoder(Opening).decode
decode_entry: Final = msgspec.msgpack.Decoder(Entry).decode

Call = tuple[str, int, bool, str, str, int, int]
"""The fields of an Opening behind its parties."""

_encode: Final = msgspec.msgpack.Encoder().encode
# Of MessagePack: the head of an array with less than 16 elements is one byte.
_HEAD: Final = 0x90
_HEAD_BYTES: Final = 1


def encode_parties(parties: Parties) -> bytes:
    """What an encoded opening begins with: made once for many calls."""
    return bytes([_HEAD + len(Opening.__struct_fields__)]) + _encode(parties)


def encode_opening(parties: bytes, call: Call) -> bytes:
    """As an `Opening` is encoded, of its encoded parties and its other fields, in their order."""
    return parties + _encode(call)[_HEAD_BYTES:]


def join(opening: bytes, closing: bytes) -> bytes:
    """The encoded entry, of its encoded halves."""
    return b"\x92" + opening + closing
