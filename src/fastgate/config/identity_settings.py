"""Logins at clouds, in place of a secret."""

from typing import Annotated

from msgspec import Meta

from fastgate.config.section import Section
from fastgate.config.shape import SECRET, SECRET_DOCUMENT
from fastgate.domain.credential import AwsSource


class AwsSettings(Section, frozen=True):
    """Signs calls to AWS: with the given keys, or with those that the surroundings give. `aws: {}` looks
    where AWS's own SDKs look. What is not a pair of keys needs `fastgate[aws]`."""

    access_key_id: Annotated[
        str | None, Meta(description="Keys of one's own: `${VAR}` or `file:/path`.", extra=SECRET)
    ] = None
    secret_access_key: Annotated[str | None, Meta(description="Its other half.", extra=SECRET)] = None
    session_token: Annotated[
        str | None, Meta(description="With temporary keys, which nobody refreshes.", extra=SECRET)
    ] = None
    profile: Annotated[
        str | None, Meta(description="Profile of `~/.aws/config` and `~/.aws/credentials`.")
    ] = None
    source: Annotated[
        AwsSource | None, Meta(description="The only place to look at; default all, in the SDKs' order.")
    ] = None
    role_arn: Annotated[str | None, Meta(description="Role that is assumed with those keys.")] = None
    external_id: Annotated[str | None, Meta(description="External id that the role asks for.")] = None
    session_name: Annotated[
        Annotated[str, Meta(pattern=r"^[\w+=,.@-]{2,64}$")] | None,
        Meta(description="Name of the role's session; default `fastgate`."),
    ] = None


class GoogleSettings(Section, frozen=True):
    """Access tokens of Google Cloud, by `fastgate[google]`. `google: {}` takes application default
    credentials: the file of GOOGLE_APPLICATION_CREDENTIALS, gcloud's, or the machine's own account."""

    credentials_file: Annotated[
        str | None,
        Meta(description="JSON file: a service account's key, or workload identity federation."),
    ] = None
    service_account_json: Annotated[
        str | None,
        Meta(description="A service account's key itself: `${VAR}` or `file:/path`.", extra=SECRET_DOCUMENT),
    ] = None
    impersonate: Annotated[
        str | None, Meta(description="Address of a service account to act as, with the above.")
    ] = None


class AzureSettings(Section, frozen=True):
    """Access tokens of Microsoft Entra ID, by `fastgate[azure]`. `azure: {}` takes AZURE_TENANT_ID,
    AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or AZURE_FEDERATED_TOKEN_FILE, else the managed identity."""

    tenant_id: Annotated[str | None, Meta(description="Tenant; default AZURE_TENANT_ID.")] = None
    client_id: Annotated[str | None, Meta(description="Application, or user-assigned managed identity.")] = (
        None
    )
    client_secret: Annotated[
        str | None, Meta(description="The application's secret: `${VAR}` or `file:/path`.", extra=SECRET)
    ] = None
    managed_identity: Annotated[bool, Meta(description="Whether it is the machine's own identity.")] = False
    scope: Annotated[str, Meta(description="What the token is for.")] = (
        "https://cognitiveservices.azure.com/.default"
    )
