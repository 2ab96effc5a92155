"""The credential that fastgate issues to a client, as the data plane sees it."""

from enum import StrEnum

import msgspec

from fastgate.domain.account import NO_ACCOUNTS, Accounts
from fastgate.domain.model_ref import ModelRef


class OnDisconnect(StrEnum):
    """What happens to the upstream call when the client leaves in the middle of it."""

    CANCEL = "cancel"
    DRAIN = "drain"


class VirtualKey(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Compiled from the configuration, stored in LMDB by id. `None` in an allow list means everything.

    `expires_at` is in seconds since the Unix epoch; 0 means never. `teams` is the path from `team_id`
    outwards. `accounts` are the key's own; those of its teams, customer and tags are in the snapshot.
    """

    id: str
    enabled: bool = True
    expires_at: int = 0
    customer_id: str | None = None
    team_id: str | None = None
    teams: tuple[str, ...] = ()
    allowed_providers: tuple[str, ...] | None = None
    allowed_models: tuple[str, ...] | None = None
    denied_models: tuple[str, ...] = ()
    fallbacks: tuple[ModelRef, ...] = ()
    tags: dict[str, str] = {}
    metadata: dict[str, str] = {}
    accounts: Accounts = NO_ACCOUNTS
    log_prompts: bool = False
    on_disconnect: OnDisconnect = OnDisconnect.CANCEL
    drain_max_s: float = 30.0
