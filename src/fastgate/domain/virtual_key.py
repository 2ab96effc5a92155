"""The credential that fastgate issues to a client, as the data plane sees it."""

from enum import StrEnum

import msgspec


class OnDisconnect(StrEnum):
    """What happens to the upstream call when the client leaves in the middle of it."""

    CANCEL = "cancel"
    DRAIN = "drain"


class ModelRef(msgspec.Struct, frozen=True):
    """A model as a client or a fallback names it; `provider` is None where the catalogue decides."""

    model: str
    provider: str | None = None

    def __str__(self) -> str:
        return self.model if self.provider is None else f"{self.provider}/{self.model}"


class VirtualKey(msgspec.Struct, frozen=True, kw_only=True):
    """Compiled from the configuration, stored in LMDB by id. `None` in an allow list means everything.

    `expires_at` is in seconds since the Unix epoch; 0 means never.
    """

    id: str
    enabled: bool = True
    expires_at: int = 0
    customer_id: str | None = None
    team_id: str | None = None
    allowed_providers: tuple[str, ...] | None = None
    allowed_models: tuple[str, ...] | None = None
    denied_models: tuple[str, ...] = ()
    fallbacks: tuple[ModelRef, ...] = ()
    tags: dict[str, str] = {}
    metadata: dict[str, str] = {}
    log_prompts: bool = False
    on_disconnect: OnDisconnect = OnDisconnect.CANCEL
    drain_max_s: float = 30.0
