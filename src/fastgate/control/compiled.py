"""What a configuration is compiled into, and how that passes to another process: in MessagePack.

Budgets and limits of 100,000 keys differ in little but their owners. What they have in common is sent once,
and is one object again where it arrives.
"""

from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from fastgate.budgets.spec import AccountSpec, Terms
from fastgate.config.diagnostics import Diagnostic
from fastgate.domain.account import Limit, Owner
from fastgate.domain.snapshot import Snapshot
from fastgate.keys.compiled import CompiledKeys
from fastgate.limits.spec import LimitSpec

T = TypeVar("T")


class LedgerPlan(msgspec.Struct, frozen=True, kw_only=True):
    """`url` None: SQLite in the data directory. `archive_directory` None: old entries are deleted."""

    url: str | None
    drain_interval_ms: int
    retention_days: int
    archive_directory: str | None
    archive_format: str


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """`snapshot` has prices, and no accounts yet; its generation is 0. `restart` are the settings that take
    effect after a restart only. `watched` is how many budgets get a gauge."""

    snapshot: Snapshot
    keys: CompiledKeys
    budgets: tuple[AccountSpec, ...]
    limits: tuple[LimitSpec, ...]
    ledger: LedgerPlan
    restart: dict[str, Any]
    watched: int
    host: str


class CompileResult(msgspec.Struct, frozen=True):
    """`compiled` None: `findings` or `reasons` say why."""

    findings: tuple[Diagnostic, ...] = ()
    reasons: tuple[str, ...] = ()
    compiled: Compiled | None = None


class _Table(NamedTuple):
    """The names of specs, and the numbers of the owner and of the terms of each."""

    names: list[str]
    owners: list[int]
    terms: list[int]


class _Packed(msgspec.Struct, array_like=True):
    """`result` comes without budgets and limits."""

    result: CompileResult
    owners: list[Owner]
    terms: list[Terms]
    budgets: _Table
    limit_terms: list[tuple[Limit, ...]]
    limits: _Table


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Packed).decode


def encode_result(result: CompileResult) -> bytes:
    compiled = result.compiled
    budgets: tuple[AccountSpec, ...] = ()
    limits: tuple[LimitSpec, ...] = ()
    if compiled is not None:
        budgets, limits = compiled.budgets, compiled.limits
        without = msgspec.structs.replace(compiled, budgets=(), limits=())
        result = msgspec.structs.replace(result, compiled=without)
    owners, owner_numbers = _numbered([*[spec.owner for spec in budgets], *[spec.owner for spec in limits]])
    terms, terms_numbers = _numbered([spec.terms for spec in budgets])
    limit_terms, limit_numbers = _numbered([spec.limits for spec in limits])
    count = len(budgets)
    return _encode(
        _Packed(
            result,
            owners,
            terms,
            _Table([spec.name for spec in budgets], owner_numbers[:count], terms_numbers),
            limit_terms,
            _Table([spec.name for spec in limits], owner_numbers[count:], limit_numbers),
        )
    )


def decode_result(data: bytes | msgspec.Raw) -> CompileResult:
    packed = _decode(data)
    if packed.result.compiled is None:
        return packed.result
    owners, terms, limit_terms = packed.owners, packed.terms, packed.limit_terms
    compiled = msgspec.structs.replace(
        packed.result.compiled,
        budgets=tuple(
            [
                AccountSpec(name, owners[owner], terms[number])
                for name, owner, number in zip(*packed.budgets, strict=True)
            ]
        ),
        limits=tuple(
            [
                LimitSpec(name, owners[owner], limit_terms[number])
                for name, owner, number in zip(*packed.limits, strict=True)
            ]
        ),
    )
    return msgspec.structs.replace(packed.result, compiled=compiled)


def _numbered(values: list[T]) -> tuple[list[T], list[int]]:
    """The objects that occur, and the number of each of `values` among them."""
    number: dict[int, int] = {}
    numbers = [number.setdefault(id(value), len(number)) for value in values]
    return list({id(value): value for value in values}.values()), numbers
