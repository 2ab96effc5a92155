"""What a virtual key may use: globs of names, and a list of providers."""

from collections.abc import Iterable
from enum import StrEnum
from fnmatch import fnmatchcase

from fastgate.domain.virtual_key import VirtualKey


class Denied(StrEnum):
    PROVIDER = "provider_not_allowed"
    MODEL = "model_not_allowed"


def check(key: VirtualKey | None, provider: str, names: Iterable[str], upstream_model: str) -> Denied | None:
    """Why the key may not use a deployment that goes by `names`; None when it may, or in open mode.

    An allowing glob has to match the case of a name. A denying one does not, because providers and
    the catalogue may not either; and it also meets the name that the upstream is sent.
    """
    if key is None:
        return None
    if key.allowed_providers is not None and provider not in key.allowed_providers:
        return Denied.PROVIDER
    names = tuple(names)
    if key.allowed_models is not None and not any(_matches(names, glob) for glob in key.allowed_models):
        return Denied.MODEL
    lower = tuple(name.lower() for name in (*names, upstream_model))
    if any(_matches(lower, glob.lower()) for glob in key.denied_models):
        return Denied.MODEL
    return None


def _matches(names: tuple[str, ...], glob: str) -> bool:
    return any(fnmatchcase(name, glob) for name in names)
