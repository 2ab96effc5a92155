"""Decodes the entries of journals, of which most have parties that were met before."""

from typing import Final

import msgspec

from fastgate.domain.entry import Closing, Entry, Opening, Parties

MAX_KNOWN: Final = 2_048
"""Parties that are remembered."""

# As `Entry` is encoded, with the parties left as they are.
_entry: Final = msgspec.msgpack.Decoder(
    tuple[tuple[msgspec.Raw, str, int, bool, str, str, int, int], Closing]
).decode
_parties: Final = msgspec.msgpack.Decoder(Parties).decode


class EntryDecoder:
    """Entries that it decodes and that have equal parties have one and the same `Parties`, for a while."""

    def __init__(self) -> None:
        self._known: dict[bytes, Parties] = {}

    def decode(self, payload: bytes) -> Entry:
        """msgspec.DecodeError: not an entry of this version."""
        opening, closing = _entry(payload)
        encoded = bytes(opening[0])
        parties = self._known.get(encoded)
        if parties is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            parties = self._known[encoded] = _parties(encoded)
        return Entry(Opening(parties, *opening[1:]), closing)
