"""Who may fetch a stored response, and where it is: response id → owner, in LMDB, for all workers.

Without it, one tenant could read another's answers, since both reach the provider with one credential.
"""

from pathlib import Path
from typing import Final

import lmdb
import msgspec

from fastgate import clock

RETENTION_S: Final = 30 * 86_400
MAP_BYTES: Final = 1 << 30
SWEEP: Final = 64
MAX_ID_BYTES: Final = 256


class ResponseOwner(msgspec.Struct, array_like=True):
    key_id: str | None
    deployment: str
    credential: str | None
    model: str
    created_s: int


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(ResponseOwner)


class ResponseOwners:
    """Kept for 30 days, as OpenAI keeps the responses. A power cut may lose the last seconds of it.

    `by_time` (creation time and id) exists so that old entries are found without a scan.
    """

    def __init__(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._env = lmdb.open(
            str(path), map_size=MAP_BYTES, max_dbs=2, sync=False, metasync=False, mode=0o600
        )
        self._owners = self._env.open_db(b"owners")
        self._by_time = self._env.open_db(b"by_time")

    def remember(self, response_id: str, owner: ResponseOwner) -> None:
        """Also drops a few expired entries, so that the file stays bounded without a janitor."""
        key = response_id.encode()
        if not 0 < len(key) <= MAX_ID_BYTES:
            return
        with self._env.begin(write=True) as txn:
            self._sweep(txn, owner.created_s - RETENTION_S)
            txn.put(key, _encoder.encode(owner), db=self._owners)
            txn.put(owner.created_s.to_bytes(8, "big") + key, b"", db=self._by_time)

    def find(self, response_id: str) -> ResponseOwner | None:
        key = response_id.encode()
        if not 0 < len(key) <= MAX_ID_BYTES:
            return None
        with self._env.begin(buffers=True) as txn:
            found = txn.get(key, db=self._owners)
            owner = None if found is None else _decoder.decode(found)
        if owner is None or owner.created_s + RETENTION_S < clock.time_ns() // 1_000_000_000:
            return None
        return owner

    def _sweep(self, txn: lmdb.Transaction, before_s: int) -> None:
        limit = max(before_s, 0).to_bytes(8, "big")
        cursor = txn.cursor(db=self._by_time)
        for _ in range(SWEEP):
            if not cursor.first() or bytes(cursor.key()[:8]) >= limit:
                return
            txn.delete(bytes(cursor.key()[8:]), db=self._owners)
            cursor.delete()

    def close(self) -> None:
        self._env.close()
