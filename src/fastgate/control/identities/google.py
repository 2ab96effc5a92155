"""Google Cloud: access tokens of a service account, a federated workload, a person, or the machine."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from fastgate.config.interpolate import resolve_secret
from fastgate.control.identities.errors import MintingFailed
from fastgate.domain.credential import GoogleIdentity, Minted

SCOPES: Final = ("https://www.googleapis.com/auth/cloud-platform",)
_TIMEOUT_S: Final = 10
_AWS_TOKEN: Final = "urn:ietf:params:aws:token-type:aws4_request"  # noqa: S105 (the name of a type)


def mint(identity: GoogleIdentity) -> Minted:
    """Blocks. MintingFailed, or whatever google-auth raises."""
    request = _request()
    credentials = _credentials(identity, request)
    if identity.impersonate is not None:
        from google.auth import impersonated_credentials

        credentials = impersonated_credentials.Credentials(
            source_credentials=credentials,
            target_principal=identity.impersonate,
            target_scopes=list(SCOPES),
        )
    credentials.refresh(request)
    if not credentials.token:
        raise MintingFailed("the answer has no access token")
    return Minted(credentials.token, _ns(credentials.expiry))


def _request() -> Any:
    from google.auth.transport.requests import Request

    class Bounded(Request):  # type: ignore[misc]  # google-auth has no types for it
        """The library's own timeout is two minutes."""

        def __call__(self, url: str, *args: Any, timeout: float | None = None, **kwargs: Any) -> Any:
            return super().__call__(url, *args, timeout=timeout or _TIMEOUT_S, **kwargs)

    return Bounded()


def _credentials(identity: GoogleIdentity, request: Any) -> Any:
    if identity.credentials_file is not None:
        return _of_file(Path(identity.credentials_file).read_bytes())
    if identity.service_account is not None:
        text = resolve_secret(identity.service_account, os.environ, document=True)
        return _of_file(text.encode())
    import google.auth

    credentials, _ = google.auth.default(scopes=SCOPES, request=request)
    return credentials


def _of_file(content: bytes) -> Any:
    """By the type that it says: google-auth warns of loading whatever there is, since an executable may be
    named in it."""
    from google.auth import aws, identity_pool
    from google.oauth2 import credentials as user
    from google.oauth2 import service_account

    try:
        info = msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise MintingFailed("the credentials are not JSON") from None
    match info.get("type"):
        case "service_account":
            return service_account.Credentials.from_service_account_info(info, scopes=SCOPES)
        case "external_account" if info.get("subject_token_type") == _AWS_TOKEN:
            return aws.Credentials.from_info(info, scopes=SCOPES)
        case "external_account":
            return identity_pool.Credentials.from_info(info, scopes=SCOPES)
        case "authorized_user":
            return user.Credentials.from_authorized_user_info(info, scopes=SCOPES)
        case _:
            raise MintingFailed("the credentials are of no type that is known")


def _ns(expiry: datetime | None) -> int:
    """google-auth's moments are in UTC, without saying so."""
    return 0 if expiry is None else int(expiry.replace(tzinfo=UTC).timestamp()) * 1_000_000_000
