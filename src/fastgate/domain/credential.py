"""What is presented to a provider, and where it comes from."""

from typing import Literal, NamedTuple

import msgspec


class AwsKeys(NamedTuple):
    """Signs requests (SigV4). Its `repr` says nothing."""

    access_key: str
    secret_key: str
    session_token: str | None = None

    def __repr__(self) -> str:
        return "AwsKeys(…)"


Secret = str | AwsKeys
"""A text is presented as it is: an API key, or an access token that somebody minted."""


class SecretRef(msgspec.Struct, frozen=True):
    """`template` as written (`${VAR}`, `env.VAR`, `file:/path`, or a literal); `part` is the index
    in a comma-separated list, -1 for the whole."""

    template: str
    part: int = -1


class AwsKeyRefs(msgspec.Struct, frozen=True, kw_only=True):
    """Where the parts of `AwsKeys` stand."""

    access_key_id: SecretRef
    secret_access_key: SecretRef
    session_token: SecretRef | None = None


AwsSource = Literal["env", "profile", "web_identity", "container", "instance"]


class AwsIdentity(msgspec.Struct, frozen=True, kw_only=True, tag="aws"):
    """Keys that somebody gives out for a time. Without `keys` they come from `source`; None: from the first
    place of the usual ones that has any. With `role_arn` they are used to assume that role; `region` is the
    one whose token service is asked."""

    keys: AwsKeyRefs | None = None
    source: AwsSource | None = None
    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    session_name: str | None = None
    region: str | None = None


class GoogleIdentity(msgspec.Struct, frozen=True, kw_only=True, tag="google"):
    """Access tokens of Google Cloud. `credentials_file` and `service_account` are mutually exclusive; without
    either, application default credentials. `impersonate` is a service account's address."""

    credentials_file: str | None = None
    service_account: SecretRef | None = None
    impersonate: str | None = None


class AzureIdentity(msgspec.Struct, frozen=True, kw_only=True, tag="azure"):
    """Access tokens of Microsoft Entra. With `managed_identity`, `client_id` names a user-assigned one; None
    of the others is read from the environment then."""

    tenant_id: str | None = None
    client_id: str | None = None
    client_secret: SecretRef | None = None
    managed_identity: bool = False
    scope: str


Identity = AwsIdentity | GoogleIdentity | AzureIdentity
"""A login that is exchanged for secrets of short life: the control process does it."""


class Minted(NamedTuple):
    """`expires_ns` is wall time; 0: not known to expire."""

    secret: Secret
    expires_ns: int

    def __repr__(self) -> str:
        return f"Minted(…, {self.expires_ns})"


class HandedOut(msgspec.Struct, frozen=True, kw_only=True):
    """What the control process tells a worker of one identity. `minted` is None while there is nothing that
    has not expired. `tried`: it is known whether there can be anything, or not for now."""

    provider: str
    credential: str
    fingerprint: str
    minted: Minted | None
    tried: bool

    def __repr__(self) -> str:
        return f"HandedOut({self.provider}/{self.credential})"
