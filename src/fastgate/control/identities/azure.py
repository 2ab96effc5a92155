"""Microsoft Entra ID: access tokens of an application, a federated workload, or the machine."""

import os
from typing import Any, Final

from fastgate.config.interpolate import resolve_secret
from fastgate.control.identities.errors import MintingFailed
from fastgate.domain.credential import AzureIdentity, Minted

_LIMITS: Final = {"connection_timeout": 5, "read_timeout": 10, "retry_total": 1}
# The authority is Entra's, or the one that the operator set: nobody else has to be asked which are real.
_AUTHORITY: Final = {"disable_instance_discovery": True}


def mint(identity: AzureIdentity) -> Minted:
    """Blocks. MintingFailed, or whatever azure-identity raises."""
    with _credential(identity) as credential:
        token = credential.get_token(identity.scope)
    return Minted(token.token, token.expires_on * 1_000_000_000)


def _credential(identity: AzureIdentity) -> Any:
    from azure.identity import ClientSecretCredential, ManagedIdentityCredential, WorkloadIdentityCredential

    if identity.managed_identity:
        return ManagedIdentityCredential(client_id=identity.client_id, **_LIMITS)
    tenant = identity.tenant_id or os.environ.get("AZURE_TENANT_ID")
    client = identity.client_id or os.environ.get("AZURE_CLIENT_ID")
    if secret := _secret(identity):
        if not tenant or not client:
            raise MintingFailed("an application has a tenant and a client id")
        return ClientSecretCredential(tenant, client, secret, **_AUTHORITY, **_LIMITS)
    if (file := os.environ.get("AZURE_FEDERATED_TOKEN_FILE")) and tenant and client:
        return WorkloadIdentityCredential(
            tenant_id=tenant, client_id=client, token_file_path=file, **_AUTHORITY, **_LIMITS
        )
    return ManagedIdentityCredential(client_id=identity.client_id, **_LIMITS)


def _secret(identity: AzureIdentity) -> str | None:
    if identity.client_secret is not None:
        return resolve_secret(identity.client_secret, os.environ)
    return os.environ.get("AZURE_CLIENT_SECRET") or None
