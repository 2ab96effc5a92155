"""The reference gateway in Go (`benchmarks/reference_go`): the same work as fastgate does on a call."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from benchmarks.suite.contestants.contestant import Command, Contestant, Site, on
from benchmarks.suite.programs import PROGRAMS, not_built
from benchmarks.suite.scenarios import Feature

_MUCH: Final = 10**9
_USD: Final = 10**6 * 10**9  # in nano-USD
_SHARED_BUDGETS: Final = ("team", "customer", "tag", "provider")


def _key(number: int, secret: str, *, governed: bool) -> dict[str, Any]:
    """As in fastgate's configuration: those of the key are its own, the others are shared by all keys."""
    key = {
        "hash": hashlib.sha256(secret.encode()).hexdigest(),
        "key": f"vk_{number}",
        "customer": "bench",
        "team": "team",
    }
    if not governed:
        return key
    budgets = [{"id": owner, "limit_nano": _USD} for owner in (f"vk_{number}", *_SHARED_BUDGETS)]
    limits = [
        {
            "requests_per_minute": _MUCH,
            "requests_per_day": _MUCH,
            "tokens_per_minute": _MUCH * 100,
            "concurrent_requests": 100_000,
        },
        {"id": "team", "requests_per_minute": _MUCH},
        {"id": "customer", "tokens_per_minute": _MUCH * 100},
    ]
    return {**key, "budgets": budgets, "limits": limits}


def _command(*, governed: bool) -> Callable[[Site], Command]:
    def command(site: Site) -> Command:
        keys = Path(site.directory, "keys.jsonl")
        keys.write_bytes(
            b"".join(
                msgspec.json.encode(_key(number, secret, governed=governed)) + b"\n"
                for number, secret in enumerate(site.secrets)
            )
        )
        line = [str(PROGRAMS / "reference"), "-listen", f"127.0.0.1:{site.port}", "-upstream", site.upstream]
        line += ["-keys", str(keys), "-data", str(site.directory), "-procs", str(site.workers)]
        return Command(line, url=on(site))

    return command


REFERENCE: Final = Contestant(
    name="reference",
    about="our reference gateway in Go: the work that fastgate does on a call, budgets and limits included, "
    "without what fastgate is beyond that (see benchmarks/reference_go/README.md)",
    command=_command(governed=True),
    can=frozenset({Feature.KEYS, Feature.FALLBACK}),
    missing=lambda: not_built("reference"),
)
REFERENCE_PLAIN: Final = Contestant(
    name="reference-plain",
    about="the reference gateway with a virtual key alone: no budgets, no limits",
    command=_command(governed=False),
    can=frozenset({Feature.KEYS, Feature.FALLBACK}),
    missing=lambda: not_built("reference"),
)
