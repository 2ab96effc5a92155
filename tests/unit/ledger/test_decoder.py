"""Entries are decoded as they are encoded, and their parties once."""

import msgspec
import pytest
from tests.support.ledger_entries import ledger_entry

from fastgate.domain.entry import (
    Entry,
    decode_entry,
    decode_opening,
    encode_closing,
    encode_opening,
    encode_parties,
    join,
)
from fastgate.ledger import decoder
from fastgate.ledger.decoder import EntryDecoder

ENTRIES = {
    "usual": ledger_entry(1),
    "empty": ledger_entry(
        2, request_id="", virtual_key="", customer="", teams=(), tags={}, metadata={}, requested_model=""
    ),
    "long": ledger_entry(
        3,
        tags={f"tag-{number}": "ü" * 64 for number in range(20)},
        teams=tuple(map(str, range(300))),
        requested_model="\N{GRINNING FACE}" * 64,
        held=(1 << 63) - 1,
    ),
}


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_an_entry_made_of_its_parts_is_the_entry(entry: Entry) -> None:
    parties, *call = msgspec.structs.astuple(entry.opening)
    opening = encode_opening(encode_parties(parties), tuple(call))
    assert decode_opening(opening) == entry.opening
    payload = join(opening, encode_closing(entry.closing))
    assert payload == msgspec.msgpack.encode(entry)
    assert decode_entry(payload) == EntryDecoder().decode(payload) == entry


def test_equal_parties_are_one_object() -> None:
    decode = EntryDecoder().decode
    first, second, other = (
        decode(msgspec.msgpack.encode(entry))
        for entry in (ledger_entry(1), ledger_entry(2), ledger_entry(3, customer="another"))
    )
    assert first.opening.parties is second.opening.parties
    assert other.opening.parties == msgspec.structs.replace(first.opening.parties, customer="another")


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "MAX_KNOWN", 3)
    found = EntryDecoder()
    for number in range(20):
        found.decode(msgspec.msgpack.encode(ledger_entry(number, model=f"model-{number}")))
        assert 1 <= len(found._known) <= 3


@pytest.mark.parametrize("payload", [b"", b"\x90", b"\x92\x90\x90", b"\x92\x98\x90" + b"\xa0" * 7])
def test_what_is_no_entry(payload: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        EntryDecoder().decode(payload)


def test_parties_that_are_none() -> None:
    encoded = msgspec.msgpack.encode([[["only"], "r", 1, False, "m", "", 1, 1], ledger_entry(1).closing])
    with pytest.raises(msgspec.DecodeError):
        EntryDecoder().decode(encoded)
