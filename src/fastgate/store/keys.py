"""The key store: SHA-256 of a secret → the virtual key it opens. One LMDB environment, any processes.

Three tables, always changed in one transaction:

    keys     id → VirtualKey
    secrets  digest → SecretRecord; a revoked one stays, so that no configuration brings it back
    owners   id → digests of its secrets (sorted duplicates of 32 bytes)

Readers take no lock. A process may open the store once; a `KeyStore` must not outlive a fork.
"""

import os
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

import lmdb
import msgspec

from fastgate.domain.virtual_key import VirtualKey

FORMAT: Final = b"1"
DIGEST_BYTES: Final = 32

# Address space, not memory or disk: the file grows only with what is stored (some 650 bytes a key).
_MAP_BYTES: Final = 64 * 1024**3
# Set by whoever creates the lock file; one slot a process, and 256 workers are allowed.
_MAX_READERS: Final = 1_024


class KeyStoreError(Exception):
    """The store cannot be opened, read or written; the message names its directory."""


class Source(StrEnum):
    """Where a secret came from: whoever put it there may take it away again."""

    CONFIG = "config"
    ISSUED = "issued"


class SecretRecord(msgspec.Struct, frozen=True, array_like=True):
    """What is known about a secret. Times are seconds since the Unix epoch.

    `not_after_s` 0 means no end of its own; `revoked_at_s` 0 means not revoked.
    """

    key_id: str
    source: Source
    issued_at_s: int
    not_after_s: int = 0
    revoked_at_s: int = 0

    def usable(self, now_s: int) -> bool:
        return not self.revoked_at_s and (not self.not_after_s or now_s < self.not_after_s)


class StoredSecret(NamedTuple):
    digest: bytes
    record: SecretRecord

    @property
    def fingerprint(self) -> str:
        """Names a secret to people: the first 8 hexadecimal digits of its digest."""
        return self.digest.hex()[:8]


class Synced(NamedTuple):
    """What `sync_configured` changed; `revoked` are the ids whose configured secret is revoked."""

    keys_written: int
    keys_removed: int
    secrets_removed: int
    revoked: tuple[str, ...]


_encode = msgspec.msgpack.Encoder().encode
_decode_key = msgspec.msgpack.Decoder(VirtualKey).decode
_decode_record = msgspec.msgpack.Decoder(SecretRecord).decode


def keys_path(data_dir: str | Path) -> Path:
    """Where the store of a data directory lies."""
    return Path(data_dir) / "keys"


class KeyStore:
    """The open store. Without `readonly` it is created where it is missing, readable by the owner only; a
    directory that is there keeps its mode."""

    def __init__(self, path: str | Path, readonly: bool = False) -> None:
        self.path = Path(path)
        if not readonly:
            # one at a time: `parents` would give the data directory the umask's mode
            for directory in (self.path.parent, self.path):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        elif not (self.path / "data.mdb").exists():
            raise KeyStoreError(f"there is no key store at {self.path}: the gateway makes it when it starts")
        try:
            self._env = lmdb.open(
                os.fspath(self.path),
                map_size=_MAP_BYTES,
                max_readers=_MAX_READERS,
                max_dbs=4,
                mode=0o600,
                readonly=readonly,
                create=not readonly,
            )
        except lmdb.Error as error:
            raise KeyStoreError(f"cannot open the key store at {self.path}: {error}") from error
        try:
            self._open_tables(create=not readonly)
        except BaseException:
            self._env.close()
            raise

    def _open_tables(self, create: bool) -> None:
        try:
            self._keys = self._env.open_db(b"keys", create=create)
            self._secrets = self._env.open_db(b"secrets", create=create)
            self._owners = self._env.open_db(b"owners", dupsort=True, dupfixed=True, create=create)
            meta = self._env.open_db(b"meta", create=create)
            if create:
                # A reader that was killed pins old pages for ever, unless somebody clears its slot.
                self._env.reader_check()
                with self._env.begin(meta, write=True) as txn:
                    txn.put(b"format", FORMAT, overwrite=False)
            with self._env.begin(meta) as txn:
                found = txn.get(b"format")
        except lmdb.Error as error:
            raise KeyStoreError(f"cannot read the key store at {self.path}: {error}") from error
        if found != FORMAT:
            raise KeyStoreError(
                f"the key store at {self.path} has format {(found or b'?').decode(errors='replace')}, "
                f"and this version of fastgate reads format {FORMAT.decode()}"
            )

    def close(self) -> None:
        self._env.close()

    def __enter__(self) -> "KeyStore":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    # --- reading ---------------------------------------------------------------------------------

    def version(self) -> int:
        """Changes with every commit that any process made. Costs no transaction (under 1 µs)."""
        return self._env.info()["last_txnid"]

    def lookup(self, digest: bytes) -> tuple[VirtualKey, SecretRecord] | None:
        """The key that the secret opens, also when either has expired; None if unknown or revoked."""
        with self._env.begin() as txn:
            packed = txn.get(digest, db=self._secrets)
            if packed is None:
                return None
            record = _decode_record(packed)
            if record.revoked_at_s:
                return None
            key = txn.get(record.key_id.encode(), db=self._keys)
            return None if key is None else (_decode_key(key), record)

    def key(self, key_id: str) -> VirtualKey | None:
        with self._env.begin(self._keys) as txn:
            packed = txn.get(key_id.encode())
            return None if packed is None else _decode_key(packed)

    def all_keys(self) -> Iterator[VirtualKey]:
        """All keys by id, as of one moment. Consume it at once: it holds a read transaction."""
        with self._env.begin(self._keys) as txn:
            for packed in txn.cursor().iternext(keys=False, values=True):
                yield _decode_key(packed)

    def all_secrets(self) -> Iterator[StoredSecret]:
        """All secrets by digest, revoked ones too. Consume it at once: it holds a read transaction."""
        with self._env.begin() as txn:
            yield from self._records(txn)

    def secrets_of(self, key_id: str) -> list[StoredSecret]:
        """The secrets of one key, the newest first."""
        with self._env.begin() as txn:
            found = [
                StoredSecret(digest, self._record(txn, digest)) for digest in self._owned_by(txn, key_id)
            ]
        return sorted(found, key=lambda secret: (-secret.record.issued_at_s, secret.digest))

    # --- writing ---------------------------------------------------------------------------------

    def sync_configured(
        self, keys: Iterable[VirtualKey], secrets: Iterable[tuple[bytes, SecretRecord]]
    ) -> Synced:
        """Make the store what the configuration says, at once.

        Keys and configured secrets that it no longer has go. Issued secrets are kept, and open nothing
        while their key is gone: a wrong file for one start must not lose them (`prune` drops them). Grace
        periods and revocations of configured ones are kept too. Nothing is written where nothing changed,
        so `version` stays as it was.
        """
        with self._writing() as txn:
            written, gone = self._sync_keys(txn, {key.id.encode(): _encode(key) for key in keys})
            removed, revoked = self._sync_secrets(txn, dict(secrets))
        return Synced(written, gone, removed, revoked)

    def put_secret(self, digest: bytes, record: SecretRecord) -> None:
        """Add a secret. Its key may come later, with the configuration that names it."""
        with self._writing() as txn:
            self._write_secrets(txn, [(digest, record)])

    def rotate(self, digest: bytes, record: SecretRecord, others_not_after_s: int) -> list[StoredSecret]:
        """Add a secret, and let the key's other ones end at `others_not_after_s` unless they end earlier.

        Returns those others as they are now.
        """
        with self._writing() as txn:
            limited = []
            for other in self._owned_by(txn, record.key_id):
                old = self._record(txn, other)
                if old.revoked_at_s or 0 < old.not_after_s <= others_not_after_s:
                    continue
                new = msgspec.structs.replace(old, not_after_s=others_not_after_s)
                limited.append(StoredSecret(other, new))
            self._write_secrets(txn, [*limited, (digest, record)])
        return limited

    def revoke(self, digests: Iterable[bytes], now_s: int) -> int:
        """Revoke secrets for good, all at once; returns how many were known and not yet revoked."""
        revoked = []
        with self._writing() as txn:
            for digest in dict.fromkeys(digests):
                packed = txn.get(digest, db=self._secrets)
                if packed is None or (record := _decode_record(packed)).revoked_at_s:
                    continue
                revoked.append((digest, msgspec.structs.replace(record, revoked_at_s=now_s)))
            self._write_secrets(txn, revoked)
        return len(revoked)

    def prune(self, keep: Container[str]) -> list[StoredSecret]:
        """Drop the issued secrets of keys that are neither stored nor in `keep`; revoked ones stay.

        Returns those dropped.
        """
        with self._writing() as txn:
            dropped = [
                secret
                for secret in self._records(txn)
                if secret.record.source is Source.ISSUED
                and not secret.record.revoked_at_s
                and secret.record.key_id not in keep
                and txn.get(secret.record.key_id.encode(), db=self._keys) is None
            ]
            for secret in dropped:
                self._remove_secret(txn, secret.digest, secret.record.key_id)
        return dropped

    # --- inside a transaction --------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> "Iterator[lmdb.Transaction[bytes]]":
        try:
            with self._env.begin(write=True) as txn:
                yield txn
        except lmdb.Error as error:
            raise KeyStoreError(f"cannot write the key store at {self.path}: {error}") from error

    def _record(self, txn: "lmdb.Transaction[bytes]", digest: bytes) -> SecretRecord:
        packed = txn.get(digest, db=self._secrets)
        if packed is None:
            raise KeyStoreError(f"the key store at {self.path} is damaged: an owner without its secret")
        return _decode_record(packed)

    def _owned_by(self, txn: "lmdb.Transaction[bytes]", key_id: str) -> list[bytes]:
        cursor = txn.cursor(self._owners)
        if not cursor.set_key(key_id.encode()):
            return []
        return list(cursor.iternext_dup(keys=False, values=True))

    def _sync_keys(self, txn: "lmdb.Transaction[bytes]", wanted: dict[bytes, bytes]) -> tuple[int, int]:
        """How many were written, and how many removed."""
        changed, gone = [], []
        for name, old in txn.cursor(self._keys):
            new = wanted.pop(name, None)
            if new is None:
                gone.append(name)
            elif new != old:
                changed.append((name, new))
        changed += wanted.items()
        for name in gone:
            txn.delete(name, db=self._keys)
        txn.cursor(self._keys).putmulti(changed)
        return len(changed), len(gone)

    def _sync_secrets(
        self, txn: "lmdb.Transaction[bytes]", wanted: dict[bytes, SecretRecord]
    ) -> tuple[int, tuple[str, ...]]:
        """How many were removed, and the ids of the keys whose secret is revoked. What is known of a secret
        already stays; another key's is taken from it."""
        changed, unwanted, moved, revoked = [], [], [], []
        for digest, old in self._records(txn):
            new = wanted.pop(digest, None)
            if new is None:
                if not old.revoked_at_s and old.source is Source.CONFIG:
                    unwanted.append((digest, old.key_id))
                continue
            if old.revoked_at_s:
                revoked.append(new.key_id)
            if old.key_id != new.key_id:
                moved.append((digest, old.key_id))
            if old.key_id != new.key_id or old.source is not new.source:
                changed.append((digest, _with_history(new, old)))
        changed += wanted.items()
        for digest, owner in (*unwanted, *moved):
            self._remove_secret(txn, digest, owner)
        self._put_secrets(txn, changed)
        return len(unwanted), tuple(sorted(revoked))

    def _records(self, txn: "lmdb.Transaction[bytes]") -> Iterator[StoredSecret]:
        return (StoredSecret(digest, _decode_record(packed)) for digest, packed in txn.cursor(self._secrets))

    def _write_secrets(
        self, txn: "lmdb.Transaction[bytes]", secrets: Iterable[tuple[bytes, SecretRecord]]
    ) -> None:
        """Those that are not there as they are."""
        self._put_secrets(
            txn,
            [
                (digest, record)
                for digest, record in secrets
                if txn.get(digest, db=self._secrets) != _encode(record)
            ],
        )

    def _put_secrets(
        self, txn: "lmdb.Transaction[bytes]", secrets: Sequence[tuple[bytes, SecretRecord]]
    ) -> None:
        if not all(len(digest) == DIGEST_BYTES for digest, _ in secrets):
            raise ValueError("a digest has 32 bytes")
        txn.cursor(self._secrets).putmulti([(digest, _encode(record)) for digest, record in secrets])
        owned = [(record.key_id.encode(), digest) for digest, record in secrets]
        txn.cursor(self._owners).putmulti(owned, dupdata=False)

    def _remove_secret(self, txn: "lmdb.Transaction[bytes]", digest: bytes, key_id: str) -> None:
        txn.delete(digest, db=self._secrets)
        txn.delete(key_id.encode(), digest, db=self._owners)


def _with_history(new: SecretRecord, old: SecretRecord) -> SecretRecord:
    return msgspec.structs.replace(
        new, issued_at_s=old.issued_at_s, not_after_s=old.not_after_s, revoked_at_s=old.revoked_at_s
    )
