"""The rate limits of an owner as the control process places them: what the configuration said, compiled."""

from collections.abc import Iterable, Mapping

import msgspec

from fastgate.domain.account import Accounts, Limit, LimitRef, Owner


class LimitSpec(msgspec.Struct, frozen=True, gc=False):
    """All limits of one owner, or of a part of its traffic. `name` is the account's."""

    name: str
    owner: Owner
    limits: tuple[Limit, ...]


def accounts_of(specs: Iterable[LimitSpec], lines: Mapping[str, int]) -> dict[Owner, Accounts]:
    """What each owner brings to the chain of a call, with the lines where its limits were placed.

    By the owner as a whole: a reference says itself which part of the traffic it is narrowed to.
    """
    refs: dict[Owner, list[LimitRef]] = {}
    for spec in specs:
        owner = Owner(spec.owner.level, spec.owner.name) if spec.owner.narrowed else spec.owner
        refs.setdefault(owner, []).append(LimitRef(lines[spec.name], spec.owner, spec.limits))
    return {owner: Accounts(limits=tuple(found)) for owner, found in refs.items()}
