"""Responses that the gateway has made of other providers' answers, with the conversations that led to them:
response id → both, in LMDB, for all workers."""

from pathlib import Path
from typing import Final

import lmdb
import msgspec

from fastgate import clock
from fastgate.domain.snapshot import KeptResponses
from fastgate.observability import log

MAP_BYTES: Final = 64 << 30  # of addresses, not of disk: what is kept is bounded by the settings
SWEEP: Final = 64
MAX_ID_BYTES: Final = 256


class StoredConversation(msgspec.Struct, array_like=True, frozen=True):
    """`items` is JSON, an array of all input items, those of earlier turns included; `response` is JSON."""

    key_id: str | None
    created_s: int
    items: bytes
    response: bytes


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(StoredConversation)


def prepare(path: Path) -> None:
    """Make the store, or move a damaged one aside: what is lost are conversations that go on by an id.

    For one process, before others open it. Raises OSError where there can be none.
    """
    try:
        StoredConversations(path).close()
    except lmdb.Error as error:
        aside = path.with_name(f"{path.name}.damaged-{clock.time_ns()}")
        path.rename(aside)
        log.event("error", "the store of conversations was damaged", moved_to=str(aside), reason=str(error))
        StoredConversations(path).close()


class StoredConversations:
    """A power cut may undo the last entries, never the store. `by_time` (creation time and id) finds the
    oldest without a scan. Writing waits for the disk: call it in a thread.
    """

    def __init__(self, path: Path) -> None:
        """Raises lmdb.Error for a damaged store, OSError where it cannot be made."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._env = lmdb.open(str(path), map_size=MAP_BYTES, max_dbs=2, metasync=False, mode=0o600)
        self._conversations = self._env.open_db(b"conversations")
        self._by_time = self._env.open_db(b"by_time")

    def remember(self, response_id: str, conversation: StoredConversation, limits: KeptResponses) -> bool:
        """False where it cannot be stored (it is too large, the disk is full): the answer is good all the
        same."""
        key = response_id.encode()
        value = _encoder.encode(conversation)
        if not 0 < len(key) <= MAX_ID_BYTES or len(value) > limits.max_bytes:
            return False
        try:
            with self._env.begin(write=True) as txn:
                self._sweep(txn, conversation.created_s - limits.ttl_s, limits.max_bytes - len(value))
                if self._bytes(txn) + len(value) > limits.max_bytes:
                    return False
                txn.put(key, value, db=self._conversations)
                txn.put(_time_key(conversation.created_s, key), b"", db=self._by_time)
        except lmdb.Error as error:
            log.event("error", "a conversation is not stored", reason=str(error))
            return False
        return True

    def find(self, response_id: str, key_id: str | None, ttl_s: int) -> StoredConversation | None:
        """None also for a stranger's."""
        key = response_id.encode()
        if not 0 < len(key) <= MAX_ID_BYTES:
            return None
        with self._env.begin(buffers=True) as txn:
            value = txn.get(key, db=self._conversations)
            found = None if value is None else _decoder.decode(value)
        if found is None or found.key_id != key_id:
            return None
        return None if found.created_s + ttl_s < clock.time_ns() // 1_000_000_000 else found

    def forget(self, response_id: str) -> None:
        """Its place in `by_time` goes when it expires."""
        try:
            with self._env.begin(write=True) as txn:
                txn.delete(response_id.encode(), db=self._conversations)
        except lmdb.Error as error:
            log.event("error", "a conversation is not forgotten", reason=str(error))

    def _sweep(self, txn: lmdb.Transaction, before_s: int, room: int) -> None:
        """Drop a few of the expired, and of the oldest where all take more than `room`."""
        limit = max(before_s, 0).to_bytes(8, "big")
        cursor = txn.cursor(db=self._by_time)
        for _ in range(SWEEP):
            if not cursor.first() or not (bytes(cursor.key()[:8]) < limit or self._bytes(txn) > room):
                return
            txn.delete(bytes(cursor.key()[8:]), db=self._conversations)
            cursor.delete()

    def _bytes(self, txn: lmdb.Transaction) -> int:
        """Of the pages in use."""
        stats = [txn.stat(db) for db in (self._conversations, self._by_time)]
        return sum(
            stat["psize"] * (stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"])
            for stat in stats
        )

    def close(self) -> None:
        self._env.close()


def _time_key(created_s: int, key: bytes) -> bytes:
    return created_s.to_bytes(8, "big") + key
