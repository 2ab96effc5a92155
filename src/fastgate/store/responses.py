"""Who may fetch a stored response, and where it is: response id → owner, in LMDB, for all workers.

Without it, one tenant could read another's answers, since both reach the provider with one credential.
"""

from pathlib import Path
from typing import Final

import lmdb
import msgspec

from fastgate import clock
from fastgate.observability import log

RETENTION_S: Final = 30 * 86_400
MAX_ENTRIES: Final = 1_000_000
MAP_BYTES: Final = 1 << 30  # three times what MAX_ENTRIES take
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


def prepare(path: Path) -> None:
    """Make the store, or move a damaged one aside: what is lost are answers fetched by id, no more.

    For one process, before others open it. Raises OSError where there can be none.
    """
    try:
        ResponseOwners(path).close()
    except lmdb.Error as error:
        aside = path.with_name(f"{path.name}.damaged-{clock.time_ns()}")
        path.rename(aside)
        log.event("error", "the store of response owners was damaged", moved_to=str(aside), reason=str(error))
        ResponseOwners(path).close()


class ResponseOwners:
    """Kept for 30 days, as OpenAI keeps the responses, and no more than a million of them.

    A power cut may undo the last entries, never the store. `by_time` (creation time and id) finds the
    oldest without a scan. Writing waits for the disk: call it in a thread.
    """

    def __init__(self, path: Path) -> None:
        """Raises lmdb.Error for a damaged store, OSError where it cannot be made."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._env = lmdb.open(str(path), map_size=MAP_BYTES, max_dbs=2, metasync=False, mode=0o600)
        self._owners = self._env.open_db(b"owners")
        self._by_time = self._env.open_db(b"by_time")

    def remember(self, response_id: str, owner: ResponseOwner) -> bool:
        """False where it cannot be stored (a full disk): the answer is good all the same."""
        key = response_id.encode()
        if not 0 < len(key) <= MAX_ID_BYTES:
            return False
        try:
            with self._env.begin(write=True) as txn:
                self._sweep(txn, owner.created_s - RETENTION_S)
                txn.put(key, _encoder.encode(owner), db=self._owners)
                txn.put(_time_key(owner.created_s, key), b"", db=self._by_time)
        except lmdb.Error as error:
            log.event("error", "the owner of a response is not stored", reason=str(error))
            return False
        return True

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

    def forget(self, response_id: str) -> None:
        """The provider has deleted it. Its place in `by_time` goes when it expires."""
        try:
            with self._env.begin(write=True) as txn:
                txn.delete(response_id.encode(), db=self._owners)
        except lmdb.Error as error:
            log.event("error", "the owner of a response is not forgotten", reason=str(error))

    def _sweep(self, txn: lmdb.Transaction, before_s: int) -> None:
        """Drop a few of the expired, or of the oldest where there are too many: it needs no janitor."""
        limit = max(before_s, 0).to_bytes(8, "big")
        crowded = txn.stat(self._owners)["entries"] >= MAX_ENTRIES
        cursor = txn.cursor(db=self._by_time)
        for _ in range(SWEEP):
            if not cursor.first() or not (crowded or bytes(cursor.key()[:8]) < limit):
                return
            txn.delete(bytes(cursor.key()[8:]), db=self._owners)
            cursor.delete()

    def close(self) -> None:
        self._env.close()


def _time_key(created_s: int, key: bytes) -> bytes:
    return created_s.to_bytes(8, "big") + key
