"""A presented secret to its virtual key, in a store of 1, 100 and 100,000: one that the worker has cached,
one that it looks up, and one that nobody has. Their order has nothing to do with the store's.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.micro.timing import Case

from fastgate.domain.account import Accounts, BudgetRef, Level, Limit, LimitRef, Measure, Owner
from fastgate.domain.secret_form import Verdict, check, form
from fastgate.domain.virtual_key import VirtualKey
from fastgate.errors import GatewayError
from fastgate.keys.authenticator import Authenticator
from fastgate.keys.secret import digest
from fastgate.store.keys import KeyStore, SecretRecord, Source

STORED = (1, 100, 100_000)
LOOK_UPS = 5_000


def secret(number: int) -> bytes:
    return form(int.from_bytes(hashlib.sha256(b"%d" % number).digest())).encode()


def virtual_key(number: int) -> VirtualKey:
    """With a budget and a rate limit."""
    owner = Owner(Level.VIRTUAL_KEY, f"vk_{number:06}")
    budget = BudgetRef(2 * number, owner, "monthly")
    limit = LimitRef(2 * number + 1, owner, (Limit(3, Measure.REQUESTS, 600, 60_000_000_000, 600),))
    return VirtualKey(id=owner.name, customer_id="acme", accounts=Accounts((budget,), (limit,)))


def filled(path: Path, count: int) -> KeyStore:
    store = KeyStore(path)
    keys = [virtual_key(number) for number in range(count)]
    records = [
        (digest(secret(number)), SecretRecord(key.id, Source.CONFIG, 1)) for number, key in enumerate(keys)
    ]
    store.sync_configured(keys, records)
    return store


def looked_up(store: KeyStore, presented: bytes) -> None:
    """As the authenticator does for a secret that it has not cached."""
    assert check(presented) is Verdict.OURS
    assert store.lookup(digest(presented)) is not None


def refused(authenticator: Authenticator, presented: bytes) -> None:
    try:
        authenticator.authenticate(presented)
    except GatewayError:
        return
    raise AssertionError("a secret that nobody has was let in")


def each(look_up: Callable[[bytes], object], presented: list[bytes]) -> None:
    for one in presented:
        look_up(one)


def cases() -> Iterator[Case]:
    with tempfile.TemporaryDirectory() as directory:
        for count in STORED:
            store = filled(Path(directory) / str(count), count)
            own = [secret(number * 7_919 % count) for number in range(LOOK_UPS)]
            authenticator = Authenticator(store, open_auth=False)
            each(authenticator.authenticate, own)
            calls = {
                "cached": partial(each, authenticator.authenticate, own),
                "looked up": partial(each, partial(looked_up, store), own),
                "unknown": partial(each, partial(refused, authenticator), [secret(-1)] * LOOK_UPS),
            }
            for what, call in calls.items():
                yield Case(f"{what}, {count:,} stored", call, each=LOOK_UPS)
            store.close()
