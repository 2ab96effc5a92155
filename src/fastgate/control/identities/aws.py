"""AWS: keys from a profile, web identity, a container or an instance, and roles assumed with them."""

import os
from datetime import datetime
from typing import Any, Final

from fastgate.config.interpolate import resolve_keys
from fastgate.control.identities.errors import MintingFailed
from fastgate.domain.credential import AwsIdentity, AwsKeys, AwsSource, Minted

SESSION_NAME: Final = "fastgate"
_CONNECT_S: Final = 5
_READ_S: Final = 10
# botocore's names of the places where it looks.
_METHODS: Final[dict[AwsSource, frozenset[str]]] = {
    "env": frozenset({"env"}),
    "profile": frozenset(
        {
            "assume-role",
            "assume-role-with-web-identity",
            "shared-credentials-file",
            "config-file",
            "custom-process",
            "sso",
            "login",
        }
    ),
    "web_identity": frozenset({"assume-role-with-web-identity"}),
    "container": frozenset({"container-role"}),
    "instance": frozenset({"iam-role"}),
}


def mint(identity: AwsIdentity) -> Minted:
    """Blocks. MintingFailed, or whatever botocore raises."""
    import botocore.session
    from botocore.config import Config

    session = botocore.session.Session(profile=identity.profile)
    session.set_default_client_config(
        Config(connect_timeout=_CONNECT_S, read_timeout=_READ_S, retries={"total_max_attempts": 2})
    )
    if identity.region is not None:
        session.set_config_variable("region", identity.region)
    if identity.keys is not None:
        keys, expires_ns = resolve_keys(identity.keys, os.environ), 0
    else:
        keys, expires_ns = _found(session, identity.source)
    if identity.role_arn is None:
        return Minted(keys, expires_ns)
    return _assumed(session, keys, identity, identity.role_arn)


def _found(session: Any, source: AwsSource | None) -> tuple[AwsKeys, int]:
    resolver = session.get_component("credential_provider")
    if source is not None:
        resolver.providers = [each for each in resolver.providers if each.METHOD in _METHODS[source]]
    credentials = resolver.load_credentials()
    if credentials is None:
        where = "where AWS's SDKs look" if source is None else f"at the source `{source}`"
        raise MintingFailed(f"there are no keys of AWS {where}")
    frozen = credentials.get_frozen_credentials()
    # Those that can be refreshed know it, and keep it to themselves.
    expires: datetime | None = getattr(credentials, "_expiry_time", None)
    keys = AwsKeys(frozen.access_key, frozen.secret_key, frozen.token)
    return keys, 0 if expires is None else _ns(expires)


def _assumed(session: Any, keys: AwsKeys, identity: AwsIdentity, role_arn: str) -> Minted:
    client = session.create_client(
        "sts",
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.session_token,
    )
    asked = {"RoleArn": role_arn, "RoleSessionName": identity.session_name or SESSION_NAME}
    if identity.external_id is not None:
        asked["ExternalId"] = identity.external_id
    given = client.assume_role(**asked)["Credentials"]
    return Minted(
        AwsKeys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]),
        _ns(given["Expiration"]),
    )


def _ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000
