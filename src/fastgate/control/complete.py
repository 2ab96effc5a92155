"""The configuration as it is used: with what stands in where it gives no provider, or no virtual key."""

from typing import Final

import msgspec

from fastgate.config.owner_settings import VirtualKeySettings
from fastgate.config.provider_settings import CredentialSettings, ProviderSettings
from fastgate.config.settings import Settings
from fastgate.domain.dialect import DialectName
from fastgate.launch import Embedded

SIMULATED: Final = "simulated"
KEY_ID: Final = "ready-made"


def is_complete(settings: Settings) -> bool:
    """Whether `complete` changes nothing, whatever is embedded."""
    return bool(settings.providers and settings.virtual_keys)


def complete(settings: Settings, embedded: Embedded) -> Settings:
    """What is configured wins; what is not is taken from `embedded`."""
    if embedded.simulated_url is not None and not settings.providers:
        simulated = ProviderSettings(
            dialect=DialectName.OPENAI,
            base_url=f"{embedded.simulated_url}/v1",
            credentials=[CredentialSettings(secret="none")],  # noqa: S106 (says that there is no secret)
            models=list(embedded.simulated_models),
            any_model=True,
        )
        settings = msgspec.structs.replace(settings, providers={SIMULATED: simulated})
    if embedded.key_hash is not None and not settings.virtual_keys:
        key = VirtualKeySettings(id=KEY_ID, secret_hash=embedded.key_hash)
        settings = msgspec.structs.replace(settings, virtual_keys=[key])
    return settings
