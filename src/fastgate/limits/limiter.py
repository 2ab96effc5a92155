"""The chains of limits that a worker uses, built once each."""

from typing import Final

from fastgate._core.accounts import AccountTable
from fastgate.domain.account import LimitRef
from fastgate.limits.chain import Chain

_CAPACITY: Final = 8_192  # some 1 KB each


class Limiter:
    """One per worker."""

    def __init__(self, accounts: AccountTable) -> None:
        self._accounts = accounts
        self._chains: dict[tuple[int, ...], Chain] = {}

    def chain(self, refs: tuple[LimitRef, ...]) -> Chain:
        """The limits of `refs`, in that order."""
        lines = tuple([ref.line for ref in refs])
        chain = self._chains.get(lines)
        # A key's own limits may change under the same line, without a new generation.
        if chain is not None and chain.refs == refs:
            return chain
        if len(self._chains) >= _CAPACITY:
            self._chains.clear()
        chain = Chain(self._accounts, refs)
        self._chains[lines] = chain
        return chain

    def forget(self) -> None:
        """A new generation is in force: lines may have other owners. Chains that are out stay usable."""
        self._chains.clear()
