"""The secrets of a configuration, as this worker finds them.

One that is missing costs its credential and nothing else: the worker takes it for rejected, under a
fingerprint of its own, since other workers may have read the secret while it was there.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

from fastgate.app.identities import Identities
from fastgate.config.interpolate import resolve_keys, resolve_secret
from fastgate.domain.credential import Secret
from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.snapshot import Credential, Provider, Snapshot
from fastgate.errors import ConfigError
from fastgate.routing.health import Health

UNRESOLVED: Final = "unresolved"

_Place = tuple[str, str]


class Secrets(NamedTuple):
    """By provider and id of the credential; `missing` has the reasons, which name no secret. Those that are
    minted are in neither."""

    found: dict[_Place, Secret | None]
    missing: dict[_Place, str]


class CurrentSecrets:
    """What to present at this moment: secrets of the configuration, and those that are minted for it."""

    def __init__(self, found: Mapping[_Place, Secret | None], identities: Identities) -> None:
        self._found = found
        self._identities = identities

    def current(self, provider: str, credential: str) -> Secret | None:
        """None: there is nothing to present. UpstreamError credential_unavailable: there should be."""
        place = (provider, credential)
        if place in self._found:
            return self._found[place]
        secret = self._identities.current(provider, credential)
        if secret is None:
            raise UpstreamError(
                FailureKind.CREDENTIAL_UNAVAILABLE, "its credential has no secret at the moment"
            )
        return secret

    def known(self) -> Iterator[Secret]:
        """All that may have been presented, for what must not repeat them."""
        yield from (secret for secret in self._found.values() if secret is not None)
        yield from self._identities.secrets()


def resolve(snapshot: Snapshot, environ: Mapping[str, str]) -> Secrets:
    secrets = Secrets({}, {})
    for provider in snapshot.providers.values():
        for credential in provider.credentials:
            if credential.identity is not None:
                continue
            place = (provider.name, credential.id)
            try:
                secrets.found[place] = _secret(credential, environ)
            except ConfigError as error:
                secrets.missing[place] = str(error)
    return secrets


def _secret(credential: Credential, environ: Mapping[str, str]) -> Secret | None:
    if credential.aws_keys is not None:
        return resolve_keys(credential.aws_keys, environ)
    return None if credential.secret is None else resolve_secret(credential.secret, environ)


def without(snapshot: Snapshot, missing: Mapping[_Place, str], health: Health) -> Snapshot:
    """The snapshot with the credentials whose secrets are missing taken out of use, as rejected ones are."""
    if not missing:
        return snapshot
    providers = {name: _marked(provider, missing) for name, provider in snapshot.providers.items()}
    rejected: set[_Place] = set()
    for deployment in snapshot.deployments.values():
        for credential in providers[deployment.provider].credentials:
            place = (deployment.provider, credential.id)
            if place in missing and place not in rejected:
                health.credential(deployment.id, deployment.provider, credential).reject(everywhere=True)
                rejected.add(place)
    return msgspec.structs.replace(snapshot, providers=providers)


def _marked(provider: Provider, missing: Mapping[_Place, str]) -> Provider:
    def marked(credential: Credential) -> Credential:
        if (provider.name, credential.id) not in missing:
            return credential
        return msgspec.structs.replace(credential, fingerprint=UNRESOLVED)

    return msgspec.structs.replace(provider, credentials=tuple(map(marked, provider.credentials)))
