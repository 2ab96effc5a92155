"""What the settings of a login mean together with the environment. Never imported in a worker."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Final

from fastgate.config.identity_settings import AwsSettings, AzureSettings, GoogleSettings
from fastgate.config.provider_settings import CredentialSettings
from fastgate.domain.provider_table import IdentityKind

IdentitySettings = AwsSettings | GoogleSettings | AzureSettings

_LIBRARIES: Final[dict[IdentityKind, tuple[str, ...]]] = {
    "aws": ("botocore",),
    "google": ("google", "google.auth"),
    "azure": ("azure", "azure.identity"),
}
_EMPTY: Final[dict[IdentityKind, CredentialSettings]] = {
    "aws": CredentialSettings(aws=AwsSettings()),
    "google": CredentialSettings(google=GoogleSettings()),
    "azure": CredentialSettings(azure=AzureSettings()),
}


def of_surroundings(kind: IdentityKind) -> CredentialSettings:
    """The login of which nothing is said."""
    return _EMPTY[kind]


def kinds(settings: CredentialSettings) -> list[IdentityKind]:
    """The logins that are given."""
    given: dict[IdentityKind, IdentitySettings | None] = {
        "aws": settings.aws,
        "google": settings.google,
        "azure": settings.azure,
    }
    return [kind for kind, section in given.items() if section is not None]


def has_keys_in_environment(settings: AwsSettings, environ: Mapping[str, str]) -> bool:
    """Whether those are what this login stands for: AWS's SDKs look there first."""
    return (
        settings.source in (None, "env")
        and settings.profile is None
        and bool(environ.get("AWS_ACCESS_KEY_ID") and environ.get("AWS_SECRET_ACCESS_KEY"))
    )


def is_asked_for(settings: CredentialSettings, environ: Mapping[str, str]) -> bool:
    """Whether somebody has to be asked for the secret, which takes the vendor's library."""
    aws = settings.aws
    if aws is None:
        return bool(kinds(settings))
    if aws.role_arn is not None:
        return True
    return aws.access_key_id is None and not has_keys_in_environment(aws, environ)


def has_library(kind: IdentityKind) -> bool:
    """Whether the vendor's library is installed. A package's parents come first: `find_spec` imports them."""
    return all(find_spec(name) is not None for name in _LIBRARIES[kind])
