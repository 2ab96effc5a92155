"""One credential of the settings, compiled: where its secret stands, or who is to be asked for one."""

import hashlib
import os
from collections.abc import Iterator, Mapping

import msgspec

from fastgate.config import identity_view
from fastgate.config.identity_settings import AwsSettings, AzureSettings, GoogleSettings
from fastgate.config.interpolate import resolve_secret, secret_ref
from fastgate.config.provider_settings import CredentialSettings
from fastgate.domain.credential import (
    AwsIdentity,
    AwsKeyRefs,
    AzureIdentity,
    GoogleIdentity,
    Identity,
    SecretRef,
)
from fastgate.domain.snapshot import Credential
from fastgate.errors import ConfigError


def compile_credential(
    index: int, settings: CredentialSettings, region: str | None, environ: Mapping[str, str]
) -> Credential:
    """Of settings that `config.load` has checked. `region` is the provider's. ConfigError, without the place
    in the settings: a secret cannot be read any more."""
    secret = None if settings.secret is None else secret_ref(settings.secret)
    keys = None if settings.aws is None else _static_keys(settings.aws, environ)
    identity = None if keys is not None else _identity(settings, region)
    return Credential(
        id=settings.id or f"credential-{index + 1}",
        secret=secret,
        aws_keys=keys,
        identity=identity,
        fingerprint=_fingerprint(secret, keys, identity, environ),
        weight=settings.weight,
        models=None if settings.models is None else tuple(settings.models),
    )


def _static_keys(settings: AwsSettings, environ: Mapping[str, str]) -> AwsKeyRefs | None:
    """Keys that nobody has to be asked for."""
    if settings.role_arn is not None:
        return None
    if settings.access_key_id is not None:
        return _keys(settings)
    if identity_view.has_keys_in_environment(settings, environ):
        return AwsKeyRefs(
            access_key_id=SecretRef("${AWS_ACCESS_KEY_ID}"),
            secret_access_key=SecretRef("${AWS_SECRET_ACCESS_KEY}"),
            session_token=SecretRef("${AWS_SESSION_TOKEN}") if environ.get("AWS_SESSION_TOKEN") else None,
        )
    return None


def _keys(settings: AwsSettings) -> AwsKeyRefs | None:
    access, secret = _ref(settings.access_key_id), _ref(settings.secret_access_key)
    if access is None or secret is None:
        return None
    return AwsKeyRefs(
        access_key_id=access, secret_access_key=secret, session_token=_ref(settings.session_token)
    )


def _ref(template: str | None) -> SecretRef | None:
    return None if template is None else secret_ref(template)


def _identity(settings: CredentialSettings, region: str | None) -> Identity | None:
    match settings.aws or settings.google or settings.azure:
        case AwsSettings() as aws:
            return AwsIdentity(
                keys=_keys(aws),
                source=aws.source,
                profile=aws.profile,
                role_arn=aws.role_arn,
                external_id=aws.external_id,
                session_name=aws.session_name,
                region=region,
            )
        case GoogleSettings() as google:
            return GoogleIdentity(
                credentials_file=google.credentials_file,
                service_account=_ref(google.service_account_json),
                impersonate=google.impersonate,
            )
        case AzureSettings() as azure:
            return AzureIdentity(
                tenant_id=azure.tenant_id,
                client_id=azure.client_id,
                client_secret=_ref(azure.client_secret),
                managed_identity=azure.managed_identity,
                scope=azure.scope,
            )
        case None:
            return None


def _fingerprint(
    secret: SecretRef | None, keys: AwsKeyRefs | None, identity: Identity | None, environ: Mapping[str, str]
) -> str:
    """Of where the secret stands, and of when the files that have it changed."""
    source = secret or keys or identity
    if source is None:
        return ""
    changed = "".join(_changed(ref, environ) for ref in _refs(source))
    if isinstance(source, SecretRef):
        text = f"{source.template}#{source.part}@{changed}".encode()
    else:
        text = msgspec.json.encode(source) + changed.encode()
    return hashlib.sha256(text).hexdigest()[:16]


def _refs(source: object) -> Iterator[SecretRef]:
    if isinstance(source, SecretRef):
        yield source
    elif isinstance(source, msgspec.Struct):
        for member in msgspec.structs.astuple(source):
            yield from _refs(member)


def _changed(ref: SecretRef, environ: Mapping[str, str]) -> str:
    resolve_secret(ref, environ, document=True)  # a file may have gone since the configuration was checked
    if not ref.template.startswith("file:"):
        return ""
    try:
        status = os.stat(ref.template.removeprefix("file:"))
    except OSError as error:
        raise ConfigError(f"the secret at {ref.template} cannot be read: {error.strerror}") from error
    return f"{status.st_mtime_ns}/{status.st_size}/{status.st_ino}"
