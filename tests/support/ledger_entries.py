"""Ledger entries for tests, and what a plain loop over them says."""

import msgspec

from fastgate.domain.entry import Closing, Entry, Opening, Outcome, Parties
from fastgate.domain.usage import Usage
from fastgate.store.ledger.write import Drained, Record, WriterPosition

START_NS = 1_790_000_000_000_000_000
WRITER = "0123456789abcdef"

_PARTIES = Parties(
    virtual_key="vk_acme",
    customer="acme",
    teams=("search", "research"),
    tags={"env": "prod", "feature": "chat"},
    metadata={"code": "4711"},
    endpoint="chat_completions",
    provider="openai",
    deployment="openai/gpt-4o",
    credential="main",
    model="gpt-4o-2024-08-06",
    public_model="gpt-4o",
)
_OPENING = Opening(
    _PARTIES,
    request_id="req-1",
    attempt=1,
    stream=True,
    requested_model="smart",
    hold_price="0011223344556677",
    held=1_000_000,
    input_tokens=500,
)
_CLOSING = Closing(
    id="",
    admitted_ns=START_NS,
    settled_ns=START_NS,
    outcome=Outcome.COMPLETE,
    status=200,
    usage=Usage(input_tokens=400, output_tokens=30),
    price="0011223344556677",
    estimated=False,
    unpriced=False,
    cost=1_300_000,
    charged=(1, 2**64 - 1),
    duration_ms=900,
    ttft_ms=120,
)


def ledger_entry(number: int, **changes: object) -> Entry:
    """The `number`th of its writer, admitted a second after the one before. `changes` are of fields of
    Parties, Opening, but its `input_tokens`, and of Closing."""
    of_parties = _taken(changes, Parties)
    of_opening = _taken(changes, Opening)
    admitted_ns = START_NS + number * 1_000_000_000
    times = {
        "id": f"{WRITER}{number:012x}",
        "admitted_ns": admitted_ns,
        "settled_ns": admitted_ns + 900_000_000,
    }
    parties = msgspec.structs.replace(_PARTIES, **of_parties) if of_parties else _PARTIES
    return Entry(
        msgspec.structs.replace(_OPENING, parties=parties, **of_opening),
        msgspec.structs.replace(_CLOSING, **(times | changes)),
    )


def _taken(changes: dict[str, object], of: type[msgspec.Struct]) -> dict[str, object]:
    return {name: changes.pop(name) for name in list(changes) if name in of.__struct_fields__}


def drained(*entries: Entry, after: int = 0, writer: str = WRITER, closed: bool = False) -> Drained:
    """As read from a journal, where `after` was the last record before them."""
    records = [Record(sequence, entry) for sequence, entry in enumerate(entries, after + 1)]
    return Drained(
        WriterPosition(writer, after + len(entries), 1, 64 * (after + len(entries)), closed), records
    )
